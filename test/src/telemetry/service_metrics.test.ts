import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { VERSION } from '../../../src/core/version.ts'
import { SCHEMA_VERSION } from '../../../src/ledger/schema_version.ts'
import { useHttp } from '../../support/http.ts'

const http = useHttp()

/** The value of each series whose name begins like this, by its labels. */
async function series(name: string): Promise<Record<string, number>> {
  const { text } = await http.call('GET', '/metrics')
  const found = text.split('\n').flatMap((line) => {
    const [, metric, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    return metric === name ? [[labels, Number(value)]] : []
  })
  return Object.fromEntries(found)
}

test('the version of the service is that of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(VERSION).toBe(version)
})

test('ledger_build_info tells what runs, and ledger_ready that it can be used', async () => {
  const [labels] = Object.keys(await series('ledger_build_info'))
  expect(labels).toMatch(
    new RegExp(`^version="${VERSION}",runtime="(node|deno) [\\d.]+",schema="${SCHEMA_VERSION}"$`),
  )
  expect(await series('ledger_ready')).toEqual({ '': 1 })
})

test('ledger_ready is 0 while the schema is not the expected one', async () => {
  await http.sql`update schema_migrations set version = 'x' where version = ${SCHEMA_VERSION}`
  try {
    expect(await series('ledger_ready')).toEqual({ '': 0 })
  } finally {
    await http.sql`update schema_migrations set version = ${SCHEMA_VERSION} where version = 'x'`
  }
  expect(await series('ledger_ready')).toEqual({ '': 1 })
})

test('batches are observed by what they are made of, calls by their function', async () => {
  const id = await http.user('100')
  const label = 'operation="debit"'
  const size = async () => (await series('ledger_batch_size_sum'))[label] ?? 0
  const count = async () => (await series('ledger_batch_duration_seconds_count'))[label] ?? 0
  const calls = async () =>
    (await series('ledger_database_call_duration_seconds_count'))['call="post"'] ?? 0
  const before = [await size(), await count(), await calls()]
  for (let n = 0; n < 3; n++) await http.call('POST', `/users/${id}/debit`, { amount: 1 })
  expect([await size(), await count(), await calls()]).toEqual(before.map((value) => value + 3))
  expect((await series('ledger_queue_wait_seconds_count'))['']).toBeGreaterThanOrEqual(3)
})

test('ledger_locked_users counts users whom a transaction holds while writes wait', async () => {
  const id = await http.user('100')
  expect(await series('ledger_locked_users')).toEqual({ '': 0 })
  const other = http.connect()
  await other`begin`
  await other`select from users where id = ${id} for update`
  const waiting = http.call('POST', `/users/${id}/debit`, { amount: 1 })
  await expect.poll(() => series('ledger_locked_users')).toEqual({ '': 1 })
  expect(await series('ledger_queue_length')).toMatchObject({ 'queue="lock_waiters"': 1 })
  expect((await series('ledger_database_connections_in_use'))['pool="wait"']).toBe(1)
  await other`rollback`
  expect((await waiting).status).toBe(201)
  await expect.poll(() => series('ledger_locked_users')).toEqual({ '': 0 })
})

test('pending entries and the age of the oldest are told until they are posted', async () => {
  const id = await http.user('100')
  await http.sql`insert into payment_history (user_id, action, amount, ts)
    values (${id}, 'CREDIT', 1, now() - interval '1 hour'), (${id}, 'CREDIT', 1, now())`
  expect(await series('ledger_pending_entries')).toEqual({ '': 2 })
  const { '': age } = await series('ledger_oldest_pending_entry_age_seconds')
  expect(age).toBeGreaterThanOrEqual(3600)
  await http.call('POST', `/users/${id}/recalculate`)
  expect(await series('ledger_pending_entries')).toEqual({ '': 0 })
  expect(await series('ledger_oldest_pending_entry_age_seconds')).toEqual({ '': 0 })
})

test('OpenMetrics has an exemplar for a request whose trace is sampled, Prometheus text has not', async () => {
  const id = await http.user('100')
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const trace = (flags: string) => ({ traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}` })
  const OPEN = { Accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' }
  await http.call('GET', `/users/${id}`, undefined, trace('00'))
  const unsampled = await http.call('GET', '/metrics', undefined, OPEN)
  expect(unsampled.text).not.toContain(traceId)

  await http.call('GET', `/users/${id}`, undefined, trace('01'))
  const open = await http.call('GET', '/metrics', undefined, OPEN)
  expect(open.headers['content-type'])
    .toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  expect(open.text).toMatch(
    new RegExp(
      `^http_request_duration_seconds_bucket\\{.*route="/users/:id".*\\} \\d+ # ` +
        `\\{trace_id="${traceId}"\\} [\\d.e-]+ [\\d.]+$`,
      'm',
    ),
  )
  expect(open.text).toContain('\n# TYPE ledger_operations counter\n')
  expect(open.text).toMatch(/^ledger_operations_total\{/m)
  expect(open.text.endsWith('\n# EOF\n')).toBe(true)

  // What the other format was not changed by.
  const plain = await http.call('GET', '/metrics', undefined, { Accept: 'text/plain' })
  expect(plain.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(plain.text).toContain('# TYPE ledger_operations_total counter\n')
  expect(plain.text).not.toContain(traceId)
})
