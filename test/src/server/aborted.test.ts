/**
 * Clients that go away in the middle of an answer or of a body: their right, and no error of ours.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { beforeAll, expect, test } from 'vitest'
import { useHttp } from '../../support/http.ts'
import { serve } from '../../support/service.ts'
import { shareOf } from '../../support/share.ts'
import { loadConfig } from '../../../src/config/config.ts'

const http = useHttp()
const ENTRIES = shareOf(20_000, 5000)

let id: number

beforeAll(async () => {
  id = await http.user()
  await http.sql`insert into payment_history (user_id, action, amount)
    select ${id}, 'CREDIT', 1 from generate_series(1, ${ENTRIES}::integer)`
  await http.sql`select recalculate_balance(${id}::bigint)`
})

/** Sends a request and goes away with the first bytes of the answer, or without waiting for any. */
async function abandon(url: URL, head: string, waits: boolean, reset: boolean): Promise<void> {
  const socket = connect(Number(url.port), url.hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(`${head}\r\nHost: ledger\r\n\r\n`)
  if (waits) await once(socket, 'data')
  if (reset) socket.resetAndDestroy()
  else socket.destroy()
}

test.each(['text/csv', 'application/x-ndjson'])(
  'a download of %s that is aborted is not logged, wherever it was',
  async (type) => {
    // One of its own, whose end tells that nothing is in flight any more.
    const service = await serve({
      ...loadConfig({ ACCESS_LOG: 'off', LOG_LEVEL: 'warn' }),
      port: 0,
      databaseUrl: http.service.database.serviceUrl,
    })
    const url = new URL(service.url)
    const head = `GET /users/${id}/history HTTP/1.1\r\nAccept: ${type}`
    await Promise.all(
      Array.from({ length: 40 }, (_, n) => abandon(url, head, n % 4 > 0, n % 2 > 0)),
    )
    await service.stop()
    expect(http.logged).toEqual([])
  },
)

test('bodies that never come whole are not logged', async () => {
  const service = await serve({
    ...loadConfig({ ACCESS_LOG: 'off', LOG_LEVEL: 'warn' }),
    port: 0,
    databaseUrl: http.service.database.serviceUrl,
  })
  const url = new URL(service.url)
  for (const length of ['Content-Length: 17', 'Transfer-Encoding: chunked']) {
    for (const path of [`/users/${id}/debit`, '/debits', `/users/${id}/recalculate`]) {
      const type = 'Content-Type: application/json'
      const socket = connect(Number(url.port), url.hostname)
      socket.on('error', () => {})
      socket.write(`POST ${path} HTTP/1.1\r\nHost: ledger\r\n${type}\r\n${length}\r\n\r\n`)
      await new Promise<void>((resolve) => socket.write('3\r\n{"a', () => resolve()))
      socket.resetAndDestroy()
    }
  }
  await service.stop()
  expect(http.logged).toEqual([])
})
