/** Items of a list, and lists that are refused. */
import { describe, expect, test } from 'vitest'
import { entryOf, expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import {
  expectProblem,
  invalid,
  PINNED_PROBLEMS,
  type PinnedCode,
} from '../../../support/problems.ts'
import { historyOf } from '../../../support/ledger.ts'
import { call, debits, http, resultsOf, user } from './service.ts'

const AMOUNT = 'must be from 0.01 to 9999999999.99, with at most two decimals'
const ID = 'must be a whole number from 1 to 9007199254740991'
const KEY = 'must be 1 to 255 visible ASCII characters'

const problemOf = (code: PinnedCode, details: object = {}) => {
  const [status, title] = PINNED_PROBLEMS[code]
  return { type: `/docs#${code}`, title, status, code, ...details }
}

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
