/** The service on Cloudflare Workers. */
import { isBuiltin } from 'node:module'
import { expect, onTestFinished, test } from 'vitest'
import { bearer } from '../support/access.ts'
import { createDatabase } from '../support/database.ts'
import { testAtEdge } from '../support/edge.ts'
import { bundle, startWorker, workerdMissing } from '../support/workerd.ts'

testAtEdge((env) => startWorker(env), workerdMissing)

test('the bundle imports the sockets of Cloudflare and nothing of Node', async () => {
  const text = await bundle
  const imported = [...text.matchAll(/\b(?:from|import|import\(|require\() ?["']([^"'\n]+)["']/g)]
    .map(([, name]) => name!)
  expect(imported).toContain('cloudflare:sockets')
  expect(imported.filter(isBuiltin)).toEqual([])
})

test('a database is reached by Hyperdrive where that is bound', async ({ skip }) => {
  if (workerdMissing) skip(workerdMissing)
  const database = await createDatabase()
  const worker = await startWorker({ ACCESS: 'off' }, database.serviceUrl)
  onTestFinished(() => void worker.stop().then(() => database.drop()))
  const response = await fetch(`${worker.url}/users/1/credit`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"amount":1}',
  })
  expect(await response.json()).toMatchObject({ balance: '1.00' })
})

test('a setting that is wrong is named in the log, and not to callers', async ({ skip }) => {
  if (workerdMissing) skip(workerdMissing)
  const worker = await startWorker({ DATABASE_URL: 'postgres://secret@db/ledger' })
  onTestFinished(() => void worker.stop())
  const response = await fetch(`${worker.url}/users/1`, { headers: bearer('any') })
  expect(response.status).toBe(500)
  expect(await response.json()).toMatchObject({ code: 'internal' })
  // Nothing says who may come in.
  expect(worker.output()).toMatch(/^HOST .*ACCESS=off/m)
})
