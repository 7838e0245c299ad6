/** A service on a standby reads, and never says of a moment what may still change. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import type { EmbeddedPostgres } from '../../dev/embedded_postgres.ts'
import { loadConfig } from '../../src/config/config.ts'
import type { Service } from '../../src/service.ts'
import { caller } from '../support/http.ts'
import { connectTo, one } from '../support/ledger.ts'
import { newCluster, startServer } from '../support/servers.ts'
import { onDeno, serve } from '../support/service.ts'

let folder: string
let server: EmbeddedPostgres
let service: Service
let lastAt: string

beforeAll(async () => {
  if (onDeno) return
  vi.spyOn(console, 'error').mockImplementation(() => {})
  folder = await newCluster('standby')
  server = await startServer(folder)
  await migrate(server.url)
  const sql = connectTo(server.url)
  await sql`select credit_user(1, 10)`
  ;({ ts: lastAt } = await one(sql<{ ts: string }[]>`
    select to_json(ts) #>> '{}' as ts from debit_user(1, 3)`))
  await sql.end()
  await server.stop()
  // From now on it waits for what a primary commits.
  await writeFile(join(server.dataDir, 'data', 'standby.signal'), '')
  server = await startServer(folder)
  const config = loadConfig({ LOG_LEVEL: 'warn', ACCESS_LOG: 'off', DATABASE_URL: server.url })
  service = await serve({ ...config, port: 0 })
})
afterAll(async () => {
  if (onDeno) return
  await service.stop()
  await server.stop()
  await rm(folder, { recursive: true })
  vi.restoreAllMocks()
})

const call = caller(() => service.url)
const codeOf = async (method: string, path: string, body?: unknown) => {
  const { status, body: said } = await call(method, path, body)
  return [status, (said as { code?: string }).code]
}

test.skipIf(onDeno)(
  'a standby is ready, and shows balances and histories; writes are busy',
  async () => {
    expect(await codeOf('GET', '/readyz')).toEqual([200, undefined])
    expect((await call('GET', '/users/1')).body).toMatchObject({ balance: '7.00', seq: 2 })
    const { text } = await call('GET', '/users/1/history', undefined, { Accept: 'text/csv' })
    expect(text).toMatch(/\r\nclosing,2,,,7\.00,/)
    expect(await codeOf('POST', '/users/1/debit', { amount: 1 })).toEqual([503, 'busy'])
  },
)

test.skipIf(onDeno)(
  'a moment behind the last entry is busy on a standby: entries may be on their way',
  async () => {
    const past = encodeURIComponent(lastAt)
    expect((await call('GET', `/users/1/balance?at=${past}`)).body).toMatchObject({
      balance: '7.00',
      seq: 2,
    })
    const later = encodeURIComponent(new Date(Date.parse(lastAt) + 1).toISOString())
    expect(await codeOf('GET', `/users/1/balance?at=${later}`)).toEqual([503, 'busy'])
    expect(await codeOf('GET', '/balances?ids=1')).toEqual([503, 'busy'])
  },
)
