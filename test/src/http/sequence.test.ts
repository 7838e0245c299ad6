import v8 from 'node:v8'
import vm from 'node:vm'
import { Hono } from 'hono'
import type { MiddlewareHandler } from 'hono'
import process from 'node:process'
import { expect, test, vi } from 'vitest'
import { sequenced } from '../../../src/http/sequence.ts'

const app = new Hono<{ Variables: { seen: string[] } }>()
app.use(async (c, next) => {
  c.set('seen', ['outer'])
  await next()
  c.header('Seen', c.get('seen').join(' '))
})
app.get('/users/:id', async (c, next) => {
  await Promise.resolve()
  c.get('seen').push('first')
  if (c.req.query('stop')) return c.text('stopped', 400)
  await next()
  // Over before the next one begins, not after it has ended.
  c.get('seen').push('over')
}, (c) => {
  c.get('seen').push('last')
  return c.text(`user ${c.req.param('id')}`)
})
app.post('/users/:id', () => {
  throw new Error('mine')
}, (c) => c.text('never'))
app.onError((error, c) => c.text(error.message, 500))

const flat = sequenced(app as unknown as Hono)
flat.onError((error, c) => c.text(error.message, 500))

test('the handlers of a route run in turn, each over before the next', async () => {
  const response = await flat.request('/users/7')
  expect([response.status, await response.text()]).toEqual([200, 'user 7'])
  expect(response.headers.get('Seen')).toBe('outer first over last')
  // As Hono has it, for comparison.
  const nested = await app.request('/users/7')
  expect(nested.headers.get('Seen')).toBe('outer first last over')
})

test('an answer before the last one is the answer, and so is an error', async () => {
  const stopped = await flat.request('/users/7?stop=1')
  expect([stopped.status, await stopped.text()]).toEqual([400, 'stopped'])
  expect(stopped.headers.get('Seen')).toBe('outer first')
  const failed = await flat.request('/users/7', { method: 'POST' })
  expect([failed.status, await failed.text()]).toEqual([500, 'mine'])
})

test('there is one route for each method and path, and no other', async () => {
  const routes = flat.routes.filter(({ method }) => method !== 'ALL')
  expect(routes.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /users/:id',
    'POST /users/:id',
  ])
  expect((await flat.request('/users')).status).toBe(404)
})

test('a request that waits takes less memory than with handlers in one another', async () => {
  v8.setFlagsFromString('--expose-gc')
  const collect = vm.runInNewContext('gc') as () => void
  const COUNT = 2_000
  let waiting: (() => void)[] = []
  const pass: MiddlewareHandler = async (_, next) => await next()
  const nested = new Hono().post('/', pass, pass, pass, pass, async (c) => {
    await new Promise<void>((resolve) => waiting.push(resolve))
    return c.body(null)
  })

  async function bytesOf(app: Hono): Promise<number> {
    const requests = Array.from(
      { length: COUNT },
      () => new Request('http://a/', { method: 'POST' }),
    )
    collect()
    const before = process.memoryUsage().heapUsed
    const all = Promise.all(requests.map(async (request) => await app.fetch(request)))
    await vi.waitUntil(() => waiting.length === COUNT)
    collect()
    const bytes = process.memoryUsage().heapUsed - before
    for (const resolve of waiting) resolve()
    waiting = []
    await all
    return bytes
  }

  // The first time includes what is compiled.
  await bytesOf(nested)
  await bytesOf(sequenced(nested))
  expect(await bytesOf(nested)).toBeGreaterThan(1.2 * await bytesOf(sequenced(nested)))
})
