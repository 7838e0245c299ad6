/**
 * A local endpoint that speaks the REST protocol of Upstash, for machines without Redis.
 * `POST /` runs one command, `/pipeline` several, `/multi-exec` several as one transaction.
 */
import { Buffer } from 'node:buffer'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { createMemoryStore } from './memory_store.ts'
import { type Backend, CommandError, type Reply } from './redis_backend.ts'

const MAX_BODY_BYTES = 4 * 1024 * 1024
const MAX_COMMANDS = 10_000

type Encode = (reply: Reply) => Reply

/** @throws CommandError unless it's an array of scalars that names a command */
function toCommand(value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0) throw new CommandError('ERR empty command')
  return value.map((part: unknown) => {
    if (typeof part === 'string') return part.toWellFormed()
    if (typeof part === 'number' || typeof part === 'boolean') return String(part)
    throw new CommandError('ERR failed to parse command')
  })
}

function toCommands(value: unknown): string[][] {
  if (!Array.isArray(value)) throw new CommandError('ERR failed to parse pipeline request')
  if (value.length === 0) throw new CommandError('ERR empty pipeline request')
  if (value.length > MAX_COMMANDS) throw new CommandError('ERR too many commands')
  return value.map(toCommand)
}

async function bodyOf(c: Context): Promise<unknown> {
  try {
    return JSON.parse(await c.req.text())
  } catch (error) {
    // Only what JSON.parse says about the text: a body over the limit is another error.
    if (error instanceof SyntaxError) throw new CommandError('ERR failed to parse JSON')
    throw error
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const encodeNested: Encode = (reply) =>
  typeof reply === 'string' ? base64(reply) : Array.isArray(reply) ? reply.map(encodeNested) : reply

/** Only a result that is OK stays as it is: inside an array the client decodes every string. */
const encodeBase64: Encode = (reply) => reply === 'OK' ? reply : encodeNested(reply)

const encoderFor = (c: Context): Encode =>
  c.req.header('upstash-encoding')?.toLowerCase() === 'base64' ? encodeBase64 : (reply) => reply

const answer = (encode: Encode) => (reply: Reply | CommandError) =>
  reply instanceof CommandError ? { error: reply.message } : { result: encode(reply) }

/** The endpoint as an app; whoever has the token may run every command of the backend. */
export function createRedisRest({ token, backend }: { token: string; backend: Backend }): Hono {
  const app = new Hono()
  const tooLarge = (c: Context) => c.json({ error: 'ERR max request size exceeded' }, 413)

  for (const path of ['/', '/pipeline', '/multi-exec']) {
    app.use(path, async (c, next) => {
      if (c.req.method !== 'POST') {
        return c.json({ error: 'ERR method not allowed' }, 405, { allow: 'POST' })
      }
      if (c.req.header('authorization') !== `Bearer ${token}`) {
        return c.json({ error: 'Unauthorized' }, 401)
      }
      return await next()
    }, bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge }))
  }

  app.post('/', async (c) => {
    const [reply] = await backend.run([toCommand(await bodyOf(c))])
    return c.json(answer(encoderFor(c))(reply!), reply instanceof CommandError ? 400 : 200)
  })
  app.post('/pipeline', async (c) => {
    const replies = await backend.run(toCommands(await bodyOf(c)))
    return c.json(replies.map(answer(encoderFor(c))))
  })
  app.post('/multi-exec', async (c) => {
    const replies = await backend.transact(toCommands(await bodyOf(c)))
    return c.json(replies.map(answer(encoderFor(c))))
  })

  app.notFound((c) => c.json({ error: 'ERR not found' }, 404))
  app.onError((error, c) =>
    error instanceof CommandError
      ? c.json({ error: error.message }, 400)
      : c.json({ error: 'ERR internal error' }, 500)
  )
  return app
}

export interface RedisRest {
  url: string
  token: string
  close(): Promise<void>
}

/**
 * Listens on 127.0.0.1 only. Without a token it makes one up; without a port it takes a free one.
 */
export async function startRedisRest(
  options: { token?: string; port?: number; backend?: Backend } = {},
): Promise<RedisRest> {
  const token = options.token ?? crypto.randomUUID()
  const backend = options.backend ?? createMemoryStore()
  const server = createAdaptorServer({ fetch: createRedisRest({ token, backend }).fetch })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        // Kept-alive connections would keep it open for as long as their clients like.
        if ('closeAllConnections' in server) server.closeAllConnections()
      })
      await backend.close()
    },
  }
}
