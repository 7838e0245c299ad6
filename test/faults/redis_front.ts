/** Redis over REST as it may be met: well, or in one of the ways in which it fails. */
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { createMemoryStore } from '../../dev/memory_store.ts'
import { createRedisRest } from '../../dev/redis_rest.ts'

export type Mood = 'well' | 'hanging' | 'error' | 'page' | 'mixed up'

export interface RedisFront {
  url: string
  token: string
  mood(now: Mood): void
  /** Forgets everything, and refuses connections until `start`. */
  kill(): Promise<void>
  start(): Promise<void>
  /** How many requests were not answered well. */
  struck(): number
  close(): Promise<void>
}

export async function startRedisFront(): Promise<RedisFront> {
  const token = crypto.randomUUID()
  let now: Mood = 'well'
  let struck = 0
  const released: (() => void)[] = []
  let port = 0
  let app = createRedisRest({ token, backend: createMemoryStore() })
  let server: ReturnType<typeof createAdaptorServer> | undefined
  const users = new Set<string>()

  /** The same request about somebody else. */
  async function mixedUp(request: Request): Promise<Request> {
    const text = (await request.text()).replaceAll(/ledger:[\w:-]+:user:\d+/g, (key) => {
      users.add(key)
      const others = [...users]
      return others[(others.indexOf(key) + 1) % others.length]!
    })
    return new Request(request.url, { method: 'POST', headers: request.headers, body: text })
  }

  async function answer(request: Request): Promise<Response> {
    if (now === 'well') return await app.fetch(request)
    struck++
    // What is written stays right: it is reading that gets others' snapshots.
    const reads = new URL(request.url).pathname === '/pipeline'
    if (now === 'mixed up') return await app.fetch(reads ? await mixedUp(request) : request)
    await request.text()
    if (now === 'hanging') await new Promise<void>((resolve) => released.push(resolve))
    if (now === 'page') {
      return new Response('<!doctype html><title>Welcome</title>', {
        headers: { 'Content-Type': 'text/html' },
      })
    }
    return new Response('{"error":"ERR no"}', { status: 500 })
  }

  const front: RedisFront = {
    get url() {
      return `http://127.0.0.1:${port}`
    },
    token,
    mood(next) {
      now = next
      for (const resolve of released.splice(0)) resolve()
    },
    async kill() {
      const killed = server!
      server = undefined
      await new Promise<void>((resolve) => {
        killed.close(() => resolve())
        if ('closeAllConnections' in killed) killed.closeAllConnections()
      })
      app = createRedisRest({ token, backend: createMemoryStore() })
    },
    async start() {
      const started = createAdaptorServer({ fetch: answer, overrideGlobalObjects: false })
      await new Promise<void>((resolve) => started.listen(port, '127.0.0.1', resolve))
      port = (started.address() as AddressInfo).port
      server = started
    },
    struck: () => struck,
    async close() {
      front.mood('well')
      if (server) await front.kill()
    },
  }
  await front.start()
  return front
}
