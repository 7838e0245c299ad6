/** What is counted, and by what. */
import { expect, test } from 'vitest'
import { createMetrics } from '../../../../src/telemetry/metrics.ts'
import { call, http, OUTCOMES, seriesIn } from './service.ts'

/** Every series by its name and labels as they are exposed, with its value. */
async function scrape(): Promise<Map<string, number>> {
  const { status, headers, text } = await call('GET', '/metrics')
  expect([status, headers['content-type']])
    .toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  return seriesIn(text)
}

/** What a series of requests adds to the series with these names; those that stay are left out. */
async function addedBy(names: RegExp, work: () => Promise<unknown>): Promise<object> {
  const before = await scrape()
  await work()
  const added = [...await scrape()].filter(([series]) => names.test(series))
    .map(([series, value]): [string, number] => [series, value - (before.get(series) ?? 0)])
    .filter(([, value]) => value !== 0)
  return Object.fromEntries(added)
}

test('every series with known labels is there at 0 from the start', async () => {
  const { body } = await createMetrics().expose()
  const series = seriesIn(body)
  const expected = [
    ...['hit', 'miss', 'bypass'].map((cache) => `user_balance_reads_total{cache="${cache}"}`),
    ...OUTCOMES.map((outcome) => `user_debit_requests_total{outcome="${outcome}"}`),
    ...['read', 'write', 'parse']
      .map((operation) => `snapshot_cache_errors_total{operation="${operation}"}`),
    'debit_batch_size_count',
    'debit_batch_size_sum',
    'ledger_findings',
    'ledger_event_streams',
  ]
  for (const name of expected) expect([name, series.get(name)]).toEqual([name, 0])
  expect(body).toContain('# TYPE http_request_duration_seconds histogram')
  expect(body).toContain('# TYPE process_cpu_seconds_total counter')
})

test('reads are counted by where they came from, refused ones not at all', async () => {
  const id = await http.user('5')
  const added = await addedBy(/^user_balance_reads/, async () => {
    await call('GET', `/users/${id}`)
    for (let n = 0; n < 3; n++) await call('GET', `/users/${id}`)
    for (let n = 0; n < 2; n++) {
      await call('GET', `/users/${id}`, undefined, { 'Cache-Control': 'no-cache' })
    }
    await call('GET', '/users/4711')
    await call('GET', '/users/x')
    await call('POST', `/users/${id}/recalculate`)
    await call('POST', '/users', { id })
  })
  expect(added).toEqual({
    'user_balance_reads_total{cache="miss"}': 1,
    'user_balance_reads_total{cache="hit"}': 3,
    'user_balance_reads_total{cache="bypass"}': 2,
  })
})

test('debits are counted by their outcome, credits are not', async () => {
  const id = await http.user('5')
  const rich = await http.user()
  const held = await http.user('5')
  const psql = http.connect()
  await psql`begin`
  await psql`select debit_user(${held}::bigint, 1)`
  const path = `/users/${id}/debit`
  const key = { 'Idempotency-Key': 'k' }
  const added = await addedBy(/^(user_debit_requests_total|debit_batch_size_sum)/, async () => {
    await call('POST', path, { amount: 1 }, key)
    for (let n = 0; n < 2; n++) await call('POST', path, { amount: 1 }, key)
    await call('POST', path, { amount: 2 }, key)
    await call('POST', path, { amount: 100 })
    await call('POST', path, { amount: 0 })
    await call('POST', '/users/x/debit', { amount: 1 })
    await call('POST', '/users/4711/debit', { amount: 1 })
    await call('POST', path, { amount: 1 }, { 'Idempotency-Key': 'a b' })
    await call('POST', path, '{}', { 'Content-Type': 'text/plain' })
    await call('POST', path, ' '.repeat(70_000))
    await call('POST', `/users/${held}/debit`, { amount: 1 })
    // None of these is a debit.
    await call('POST', `/users/${rich}/credit`, { amount: 1 })
    await call('GET', path)
    await call('POST', `${path}/`, { amount: 1 })
  })
  await psql`rollback`
  expect(added).toEqual({
    'user_debit_requests_total{outcome="ok"}': 1,
    'user_debit_requests_total{outcome="replayed"}': 2,
    'user_debit_requests_total{outcome="idempotency_key_reused"}': 1,
    'user_debit_requests_total{outcome="insufficient_funds"}': 1,
    'user_debit_requests_total{outcome="invalid_request"}': 2,
    'user_debit_requests_total{outcome="unknown_user"}': 1,
    'user_debit_requests_total{outcome="invalid_idempotency_key"}': 1,
    'user_debit_requests_total{outcome="unsupported_media_type"}': 1,
    'user_debit_requests_total{outcome="payload_too_large"}': 1,
    'user_debit_requests_total{outcome="busy"}': 1,
    // What went to PostgreSQL: debits that were well-formed, one of them once more as its user was
    // held, and a credit.
    debit_batch_size_sum: 9,
  })
})

test('ledger_findings is what the last verification of each user found', async () => {
  const [one, two] = [await http.user(10), await http.user(10)]
  const psql = http.connect()
  const found = async (...ids: number[]) => {
    for (const id of ids) await call('GET', `/users/${id}/verify`)
    return (await scrape()).get('ledger_findings')
  }
  expect(await found(one, two)).toBe(0)
  await psql`update users set balance = 99 where id in ${psql([one, two])}`
  expect(await found(one, two, one)).toBe(2)
  await psql`select recalculate_balance(${one}::bigint)`
  expect(await found(one)).toBe(1)
  await psql`select recalculate_balance(${two}::bigint)`
  expect(await found(two)).toBe(0)
})

test('ledger_findings is 0 after the repair, although nobody asks again', async () => {
  const id = await http.user(10)
  const psql = http.connect()
  const found = async () => (await scrape()).get('ledger_findings')
  await psql`update users set balance = 99 where id = ${id}`
  await call('GET', `/users/${id}/verify`)
  expect(await found()).toBe(1)
  await psql`select recalculate_balance(${id}::bigint)`
  await expect.poll(found).toBe(0)
})

test('requests are counted by method, pattern and status', async () => {
  const id = await http.user('5')
  const added = await addedBy(/^http_request_duration_seconds_count/, async () => {
    await call('GET', `/users/${id}`)
    await call('HEAD', `/users/${id}`)
    await call('GET', '/users/4711')
    await call('POST', `/users/${id}/debit`, { amount: 1 })
    await call('POST', `/users/${id}/debit`, { amount: 100 })
    await call('POST', '/users', {})
    await call('GET', '/nothing')
    await call('DELETE', `/users/${id}`)
    await call('PROPFIND', `/users/${id}`)
  })
  const count = (method: string, route: string, status: number) =>
    `http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`
  expect(added).toEqual({
    [count('GET', '/users/:id', 200)]: 1,
    [count('HEAD', '/users/:id', 200)]: 1,
    [count('GET', '/users/:id', 404)]: 1,
    [count('POST', '/users/:id/debit', 201)]: 1,
    [count('POST', '/users/:id/debit', 422)]: 1,
    [count('POST', '/users', 201)]: 1,
    [count('GET', '/*', 404)]: 1,
    [count('DELETE', '/*', 405)]: 1,
    [count('other', '/*', 405)]: 1,
    // The scrape before.
    [count('GET', '/metrics', 200)]: 1,
  })
})

/** What a debit can't end in. */
export const OF_OTHERS = [
  'unknown_entry',
  'unknown_hold',
  'hold_not_active',
  'already_reversed',
  'expiry_not_later',
  'too_many_holds',
  'same_user',
]
export const OPERATIONS = [
  ['debit', 'credit', 'transfer', 'hold', 'capture', 'extend', 'release', 'reverse', 'recalculate'],
].flat()

test('ledger_operations_total has every operation, and counts by outcome', async () => {
  const of = (operation: string, outcome: string) =>
    `ledger_operations_total{operation="${operation}",outcome="${outcome}"}`
  const before = seriesIn((await call('GET', '/metrics')).text)
  for (const operation of OPERATIONS) expect(before.has(of(operation, 'ok')), operation).toBe(true)
  expect(before.get(of('hold', 'unknown_user'))).toBe(0)
  await call('POST', '/users/77777/holds', { amount: 1 })
  await call('POST', '/users/1/credit', { amount: 1 }, { 'Idempotency-Key': 'counted' })
  await call('POST', '/users/1/credit', { amount: 1 }, { 'Idempotency-Key': 'counted' })
  const after = seriesIn((await call('GET', '/metrics')).text)
  expect(after.get(of('hold', 'unknown_user'))).toBe(1)
  expect(after.get(of('credit', 'replayed'))! - before.get(of('credit', 'replayed'))!).toBe(1)
})
