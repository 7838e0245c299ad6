/**
 * What any service pays for a debit that does nothing: Hono, a body checked by zod, and an answer
 * that is always the same, on the server that Hono has for the runtime. Nothing of it is ours but
 * the schema.
 */
import { serve } from '@hono/node-server'
import { zValidator } from '@hono/zod-validator'
import { Hono } from 'hono'
import { amountBody } from '../../src/app/schemas.ts'

interface DenoServe {
  serve(
    options: { hostname: string; port: number; onListen: (at: { port: number }) => void },
    fetch: (request: Request) => Response | Promise<Response>,
  ): unknown
}

const app = new Hono()
const ANSWER = {
  id: 1001,
  balance: '999999.99',
  available: '999999.99',
  seq: 2,
  updated_at: '2026-01-01T00:00:00.000000Z',
}

app.post('/users/:id/debit', zValidator('json', amountBody), (c) => c.json(ANSWER, 201))

const hostname = '127.0.0.1'
const onListen = ({ port }: { port: number }) =>
  console.log(`The bare app listens on http://${hostname}:${port}`)

const { Deno } = globalThis as { Deno?: DenoServe }
if (Deno) Deno.serve({ hostname, port: 0, onListen }, (request) => app.fetch(request))
else serve({ fetch: app.fetch, hostname, port: 0 }, onListen)
