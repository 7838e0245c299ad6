import { describe, expect, test } from 'vitest'
import {
  type Answer,
  type Call,
  entryOf,
  expectAnswer,
  expectNothingWritten,
  expectProblem,
  invalid,
  PINNED_PROBLEMS,
  type PinnedCode,
  snapshotOf,
  useHttp,
} from '../../support/http.ts'
import { historyOf } from '../../support/ledger.ts'

const AMOUNT = 'must be from 0.01 to 9999999999.99, with at most two decimals'
const ID = 'must be a whole number from 1 to 9007199254740991'
const KEY = 'must be 1 to 255 visible ASCII characters'

const http = useHttp()
const call: Call = (...request) => http.call(...request)
const user = (credit?: string | number) => http.user(credit)
const debits = (body: unknown, headers: Record<string, string> = {}) =>
  call('POST', '/debits', body, headers)

const problemOf = (code: PinnedCode, details: object = {}) => {
  const [status, title] = PINNED_PROBLEMS[code]
  return { type: `/docs#${code}`, title, status, code, ...details }
}
const resultsOf = (answer: Answer) =>
  (answer.body as { results: { status: number }[] }).results.map(({ status }) => status)

test('each item has the answer of a single call, in order', async () => {
  const [a, b] = [await user('10'), await user('5')]
  const answer = await debits([
    { user_id: a, amount: '4.00' },
    { user_id: 4711, amount: 1 },
    { user_id: b, amount: 6 },
    { user_id: a, amount: 6, idempotency_key: 'k', metadata: { n: 3 } },
    { user_id: a, amount: 1 },
    { user_id: a, amount: 6, idempotency_key: 'k', metadata: { n: 3 } },
    { user_id: a, amount: 7, idempotency_key: 'k' },
  ])
  const fourth = {
    status: 201,
    ...snapshotOf(a, '0.00', 3),
    entry: entryOf(3, 'DEBIT', '6.00', '0.00', { idempotency_key: 'k', metadata: { n: 3 } }),
  }
  expectAnswer(answer, 200, {
    results: [
      { status: 201, ...snapshotOf(a, '6.00', 2), entry: entryOf(2, 'DEBIT', '4.00', '6.00') },
      problemOf('unknown_user'),
      problemOf('insufficient_funds', {
        balance: '5.00',
        available: '5.00',
        required: '6.00',
        shortfall: '1.00',
      }),
      fourth,
      problemOf('insufficient_funds', {
        balance: '0.00',
        available: '0.00',
        required: '1.00',
        shortfall: '1.00',
      }),
      fourth,
      problemOf('idempotency_key_reused', { idempotency_key: 'k' }),
    ],
  })
  expectAnswer(await call('GET', `/users/${a}`), 200, snapshotOf(a, '0.00', 3), {
    'x-cache': 'hit',
  })
})

test('an item equals the single call, but for its status', async () => {
  const id = await user('10')
  const single = await call('POST', `/users/${id}/debit`, { amount: 1 }, {
    'Idempotency-Key': 'one',
  })
  const { text } = await debits([{ user_id: id, amount: 1, idempotency_key: 'one' }])
  expect(text).toBe(`{"results":[{"status":201,${single.text.slice(1)}]}`)
})

test('a thousand at once, and no more', async () => {
  const ids = await Promise.all(Array.from({ length: 10 }, () => user('100')))
  const items = Array.from({ length: 1000 }, (_, n) => ({ user_id: ids[n % 10], amount: 1 }))
  expect(resultsOf(await debits(items))).toEqual(Array(1000).fill(201))
  for (const id of ids) expect((await historyOf(http.sql, id)).at(-1)).toBe('-1.00=0.00')
  const refused = await expectNothingWritten(http, () => debits([...items, items[0]]))
  expectProblem(refused, 'invalid_request', invalid('', 'must have at most 1000 items'))
  expectAnswer(await debits([]), 200, { results: [] })
})

describe('a malformed body is refused as a whole', () => {
  test.each<[unknown, object]>([
    [{}, invalid('', 'must be a list')],
    ['null', invalid('', 'must be a list')],
    [[1], invalid('0', 'Invalid input: expected object, received number')],
    [[{ user_id: 1, amount: 0 }], invalid('1.amount', AMOUNT)],
    [[{ user_id: 1 }], invalid('1.amount', AMOUNT)],
    [[{ user_id: '1', amount: 1 }], invalid('1.user_id', ID)],
    [[{ user_id: 1, amount: 1, key: 'x' }], invalid('1.key', 'is unknown')],
    [[{ user_id: 1, amount: 1, idempotency_key: '' }], invalid('1.idempotency_key', KEY)],
    [[{ user_id: 1, amount: 1, idempotency_key: 'a b' }], invalid('1.idempotency_key', KEY)],
    [[{ user_id: 1, amount: 1, idempotency_key: null }], invalid('1.idempotency_key', KEY)],
    [[{ user_id: 1, amount: 1, metadata: 1 }], invalid('1.metadata', 'must be an object')],
  ])('%j', async (body, details) => {
    const id = await user('10')
    const good = { user_id: id, amount: 1 }
    const isItem = Array.isArray(body) && typeof body[0] === 'object'
    const answer = await expectNothingWritten(
      http,
      () => debits(isItem ? [good, ...body as object[], good] : body),
    )
    expectProblem(answer, 'invalid_request', details)
  })

  test('faults of JSON, too, with the place', async () => {
    const id = await user('10')
    const answer = await expectNothingWritten(
      http,
      () => debits(`[{"user_id":${id},"amount":1},{"user_id":${id},"amount":1,"amount":2}]`),
    )
    expectProblem(answer, 'invalid_request', invalid('1.amount', 'is given twice'))
  })

  test('of more than 1 MiB', async () => {
    const edge = `[]${' '.repeat(1024 * 1024 - 2)}`
    expectAnswer(await debits(edge), 200, { results: [] })
    expectProblem(await debits(`${edge} `), 'payload_too_large')
  })

  test('of another type', async () => {
    expectProblem(
      await debits('[]', { 'Content-Type': 'text/plain' }),
      'unsupported_media_type',
    )
  })
})

describe('the header Idempotency-Key', () => {
  test('gives each item without a key one of its own, so that a repeat is the first answer', async () => {
    const [a, b] = [await user('10'), await user('10')]
    const items = [
      { user_id: a, amount: 1 },
      { user_id: b, amount: 2, idempotency_key: 'own' },
      { user_id: a, amount: 3 },
      { user_id: a, amount: 100 },
    ]
    const headers = { 'Idempotency-Key': 'all' }
    const first = await debits(items, headers)
    expect(resultsOf(first)).toEqual([201, 201, 201, 422])
    const again = await debits(items, headers)
    expect(again.text.replace(/"status":422.*/, '')).toBe(first.text.replace(/"status":422.*/, ''))
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect(await historyOf(http.sql, a)).toEqual(['+10.00=10.00', '-1.00=9.00', '-3.00=6.00'])
    expect(await call('GET', `/users/${b}/history/2`))
      .toMatchObject({ body: { idempotency_key: 'own' } })
    expect(await call('GET', `/users/${a}/history/3`))
      .toMatchObject({ body: { idempotency_key: expect.stringMatching(/^all#[0-9a-f]{16}$/) } })
  })

  test('does no item twice, in another order, with items left out or added', async () => {
    const [a, b] = [await user('100'), await user('100')]
    const headers = { 'Idempotency-Key': 'list' }
    const item = (user_id: number, amount = 10) => ({ user_id, amount })
    expect(resultsOf(await debits([item(a), item(b), item(a)], headers))).toEqual([201, 201, 201])
    const repeats = [
      [item(b), item(a), item(a)],
      [item(b)],
      [item(a)],
      [{ ...item(4711), idempotency_key: 'own' }, item(a), item(b)],
    ]
    for (const items of repeats) await debits(items, headers)
    expect(await historyOf(http.sql, a))
      .toEqual(['+100.00=100.00', '-10.00=90.00', '-10.00=80.00'])
    expect(await historyOf(http.sql, b)).toEqual(['+100.00=100.00', '-10.00=90.00'])
    // More of a user than before: only what wasn't there is done.
    expect(resultsOf(await debits([item(b), item(b, 5)], headers))).toEqual([201, 201])
    expect(await historyOf(http.sql, b))
      .toEqual(['+100.00=100.00', '-10.00=90.00', '-5.00=85.00'])
    // What differs in amount is another request.
    const other = await debits([item(a, 11)], headers)
    expect(other.body).toMatchObject({
      results: [{ code: 'idempotency_key_reused', idempotency_key: 'list#0' }],
    })
  })

  test('does no debit of a user twice, wherever others of the same user are refused or come', async () => {
    const id = await user('100')
    const send = async (amounts: number[]) => {
      const items = amounts.map((amount) => ({ user_id: id, amount }))
      return resultsOf(await debits(items, { 'Idempotency-Key': 'same' }))
    }
    expect(await send([500, 10])).toEqual([422, 201])
    expect(await send([10])).toEqual([201])
    expect(await send([10, 500])).toEqual([201, 422])
    expect(await send([20, 10])).toEqual([201, 201])
    expect(await send([10, 20])).toEqual([201, 201])
    // The only item of a user that differs is another request.
    expect(await send([25])).toEqual([422])
    const both = await Promise.all([send([1, 10, 20]), send([20, 1, 10]), send([10, 20, 1])])
    expect(both.flat()).toEqual(Array(9).fill(201))
    expect(await historyOf(http.sql, id))
      .toEqual(['+100.00=100.00', '-10.00=90.00', '-20.00=70.00', '-1.00=69.00'])
  })

  test('may be as long as any, and long ones that begin alike are different', async () => {
    const id = await user('100')
    const items = Array.from({ length: 11 }, () => ({ user_id: id, amount: 1 }))
    for (const length of [251, 252, 254, 255]) {
      for (const last of ['x', 'y']) {
        const headers = { 'Idempotency-Key': 'k'.repeat(length - 1) + last }
        const first = await debits(items, headers)
        expect(resultsOf(first), `${length}`).toEqual(items.map(() => 201))
        const again = await debits(items, headers)
        expect([again.text, again.headers['idempotency-replayed']]).toEqual([first.text, 'true'])
      }
    }
    expect(await historyOf(http.sql, id)).toHaveLength(1 + 4 * 2 * items.length)
  })

  test('is refused when it is none', async () => {
    const id = await user('10')
    for (const key of ['a b', 'a'.repeat(256)]) {
      const answer = await expectNothingWritten(
        http,
        () => debits([{ user_id: id, amount: 1 }], { 'Idempotency-Key': key }),
      )
      expectProblem(answer, 'invalid_idempotency_key')
    }
  })
})

test('each item counts as a debit', async () => {
  const id = await user('1')
  const count = async () => {
    const { text } = await call('GET', '/metrics')
    return ['ok', 'replayed', 'insufficient_funds', 'invalid_request'].map((outcome) =>
      Number(
        new RegExp(`user_debit_requests_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)![1],
      )
    )
  }
  const before = await count()
  const item = { user_id: id, amount: 1, idempotency_key: 'x' }
  await debits([item, item, { user_id: id, amount: 1 }])
  await debits([{}])
  expect((await count()).map((n, i) => n - before[i]!)).toEqual([1, 1, 1, 1])
})

test('one user who is held keeps nobody else waiting for longer than the lock', async () => {
  const [held, free] = [await user('5'), await user('5')]
  const psql = http.connect()
  await psql`begin`
  await psql`select debit_user(${held}::bigint, 1)`
  try {
    const answer = await debits([{ user_id: held, amount: 1 }, { user_id: free, amount: 1 }])
    expect(resultsOf(answer)).toEqual([503, 201])
    expect(answer.body).toMatchObject({ results: [problemOf('busy'), { balance: '4.00' }] })
  } finally {
    await psql`rollback`
  }
})
