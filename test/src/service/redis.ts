/** A Redis that misbehaves, or is shared. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import postgres from 'postgres'
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { serve, startTestService } from '../../support/service.ts'
import { cachedOnBoth, first, newUser, post, read, second, sql, until } from './instances.ts'

async function urlOf(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An instance whose Redis is there. */
async function withRedis(
  redis: { url: string; token: string },
  work: (service: Service) => Promise<void>,
): Promise<void> {
  const service = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent' }),
    port: 0,
    databaseUrl: first.database.serviceUrl,
    redis,
  })
  try {
    await work(service)
  } finally {
    await service.stop()
  }
}

const html = '<html><body>502 Bad Gateway</body></html>'

test.each([
  ['refuses', undefined],
  ['hangs', () => {}],
  ['answers HTML', (end: (status: number, body: string) => void) => end(502, html)],
  ['answers HTML as a success', (end: (status: number, body: string) => void) => end(200, html)],
])('when Redis %s, reads are right, and debits work', async (_, answer) => {
  const server = createServer((_request, response) =>
    answer?.((status, body) => response.writeHead(status).end(body))
  )
  const redis = { url: await urlOf(server), token: 'secret' }
  if (!answer) await new Promise((resolve) => server.close(resolve))
  const id = await newUser()
  await post(first.url, id, 'credit', '10')
  await withRedis(redis, async ({ url }) => {
    for (const balance of ['9.00', '8.00', '7.00', '6.00']) {
      expect(await post(url, id, 'debit', '1')).toBe(201)
      expect(await read(url, id)).toEqual({ balance, cache: 'bypass' })
    }
    // Whoever can reach Redis learns of what this instance could not write there.
    await until(async () => (await read(second.url, id)).balance === '6.00')
    await until(async () => (await read(first.url, id)).balance === '6.00')
  })
  server.closeAllConnections()
  server.close()
})

/** The way to the Redis of the first instance, while `isOpen`. */
async function startWay() {
  const way = { isOpen: true, url: '', token: first.redis.token }
  async function hand(request: IncomingMessage, response: ServerResponse) {
    const { authorization = '', 'content-type': type = '' } = request.headers
    const reply = await fetch(first.redis.url + request.url, {
      method: 'POST',
      headers: { authorization, 'content-type': type },
      body: await text(request),
    })
    response.writeHead(reply.status, { 'Content-Type': 'application/json' })
    response.end(await reply.text())
  }
  const server = createServer((request, response) => {
    if (way.isOpen) void hand(request, response)
    else request.socket.destroy()
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  way.url = await urlOf(server)
  return way
}

test('Redis out of reach for one: a second later no other shows less than it has answered', async () => {
  const way = await startWay()
  const id = await newUser()
  await post(first.url, id, 'credit', '1000')
  await withRedis(way, async ({ url }) => {
    let cents = 100_000
    /** Debits there, and reads on another instance at once. */
    async function debitAndRead() {
      expect(await post(url, id, 'debit', '0.01')).toBe(201)
      const right = (--cents / 100).toFixed(2)
      return { ...await read(first.url, id), right }
    }
    await until(async () => {
      const { balance, cache, right } = await debitAndRead()
      return cache === 'hit' && balance === right
    })

    way.isOpen = false
    let pausedAt = Infinity
    await until(async () => {
      await debitAndRead()
      const [row] = await sql<{ is_paused: boolean }[]>`
        select is_paused from ledger.get_changes(null, null, null, null)`
      if (row!.is_paused) pausedAt = Math.min(pausedAt, performance.now())
      return performance.now() - pausedAt > 1000
    })
    const older: string[] = []
    const expectRight = async () => {
      const { balance, cache, right } = await debitAndRead()
      if (balance !== right) older.push(`${cache} ${balance} instead of ${right}`)
      return cache
    }
    for (let n = 0; n < 100; n++) await expectRight()
    expect(older).toEqual([])

    way.isOpen = true
    await until(async () => await expectRight() === 'hit')
    expect(older).toEqual([])
  })
})

test('two ledgers on one Redis never see one another', async () => {
  const other = await startTestService({ redis: first.redis })
  const admin = postgres(other.database.url, { max: 1, onnotice: () => {} })
  try {
    const id = await newUser()
    await admin`insert into users (id) values (${id}) on conflict do nothing`
    await post(first.url, id, 'credit', '10')
    await cachedOnBoth(id, '10.00')
    await until(async () => (await read(other.url, id)).cache === 'hit')
    expect(await read(other.url, id)).toEqual({ balance: '0.00', cache: 'hit' })
    await post(other.url, id, 'credit', '3')
    expect(await read(other.url, id)).toEqual({ balance: '3.00', cache: 'hit' })
    expect(await read(first.url, id)).toEqual({ balance: '10.00', cache: 'hit' })
  } finally {
    await admin.end()
    await other.close()
  }
})
