import { describe, expect, test } from 'vitest'
import {
  type Call,
  entryOf,
  expectAnswer,
  expectNothingWritten,
  expectProblem,
  invalid,
  snapshotOf,
  useHttp,
} from '../../support/http.ts'
import { ageHolds, findingsOf, historyOf } from '../../support/ledger.ts'

const AMOUNT = 'must be from 0.01 to 9999999999.99, with at most two decimals'
const ID = 'must be digits, from 1 to 9007199254740991'
const EXPIRES = 'must be from 0.001 to 3155760000, with at most three decimals'
const REPLAYED = { 'idempotency-replayed': 'true' }

const http = useHttp()
const call: Call = (...request) => http.call(...request)
const user = (credit?: string | number) => http.user(credit)
const place = (id: number, body: unknown, headers: Record<string, string> = {}) =>
  call('POST', `/users/${id}/holds`, body, headers)
const close = (
  id: number,
  hold: number | string,
  how: 'capture' | 'extend' | 'release',
  body?: unknown,
  headers: Record<string, string> = {},
) => call('POST', `/users/${id}/holds/${hold}/${how}`, body, headers)

const holdOf = (
  hold: number,
  user_id: number,
  amount: string,
  available: string,
  expires_at: string | null = null,
) => ({ hold, user_id, amount, status: 'active', expires_at, available })

/** It expires an hour after a moment between then and now. */
function expectHourFrom(before_ms: number, { text }: { text: string }) {
  const { expires_at } = JSON.parse(text) as { expires_at: string }
  const placed_ms = Date.parse(expires_at) - 3_600_000
  expect([before_ms, placed_ms, Date.now()].toSorted((a, b) => a - b)[1]).toBe(placed_ms)
}

describe('POST /users/:id/holds', () => {
  test('lowers what is available, not the balance, and is numbered per user', async () => {
    const id = await user('100')
    expectAnswer(await place(id, { amount: 60 }), 201, holdOf(1, id, '60.00', '40.00'))
    expectAnswer(await place(id, { amount: '40.00' }), 201, holdOf(2, id, '40.00', '0.00'))
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '100.00', 1, '0.00'), {
      'x-cache': 'hit',
    })
    expect(await historyOf(http.sql, id)).toEqual(['+100.00=100.00'])
    const other = await user('1')
    expectAnswer(await place(other, { amount: 1 }), 201, holdOf(1, other, '1.00', '0.00'))
  })

  test('a debit can take what is left, and says what is held', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    expectProblem(await call('POST', `/users/${id}/debit`, { amount: 41 }), 'insufficient_funds', {
      balance: '100.00',
      available: '40.00',
      required: '41.00',
      shortfall: '1.00',
    })
    // The refused debit left the right snapshot in the cache.
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '100.00', 1, '40.00'), {
      'x-cache': 'hit',
    })
    const headers = { 'Idempotency-Key': 'd' }
    const debited = await call('POST', `/users/${id}/debit`, { amount: 40 }, headers)
    expectAnswer(debited, 201, {
      ...snapshotOf(id, '60.00', 2, '0.00'),
      entry: entryOf(2, 'DEBIT', '40.00', '60.00', { idempotency_key: 'd' }),
    }, { location: `/users/${id}/history/2` })
    await close(id, 1, 'release')
    const again = await call('POST', `/users/${id}/debit`, { amount: 40 }, headers)
    expect(again.text).toBe(debited.text)
  })

  test('expires by itself, to the moment', async () => {
    const id = await user('10')
    const before_ms = Date.now()
    const placed = await place(id, { amount: 10, expires_in: 3600 })
    expectAnswer(placed, 201, holdOf(1, id, '10.00', '0.00', 'TIME'))
    expectHourFrom(before_ms, placed)
    await ageHolds(http.sql, id)
    await expectNothingWritten(http, async () => {
      expectProblem(await close(id, 1, 'capture'), 'hold_not_active')
      expectProblem(await close(id, 1, 'release'), 'hold_not_active')
    })
    expect((await call('POST', `/users/${id}/debit`, { amount: 10 })).status).toBe(201)
  })

  test('a short one is not served from the cache when it is over', async () => {
    const id = await user('10')
    await place(id, { amount: 10, expires_in: 0.05 })
    await expect.poll(async () => (await call('GET', `/users/${id}`)).body)
      .toMatchObject({ available: '10.00' })
  })

  test('a repeat is the first answer, byte for byte, whatever became of the hold', async () => {
    const id = await user('100')
    const body = { amount: 5, expires_in: 0.125, metadata: { a: 1 } }
    const first = await place(id, body, { 'Idempotency-Key': 'h' })
    const kept = await place(id, { amount: 6 }, { 'Idempotency-Key': 'h2' })
    await close(id, 2, 'capture')
    for (const [sent, answer, key] of [[body, first, 'h'], [{ amount: 6 }, kept, 'h2']] as const) {
      expect(await place(id, sent, { 'Idempotency-Key': key }))
        .toEqual({ ...answer, headers: { ...answer.headers, ...REPLAYED } })
    }
    for (const other of [{ amount: 4, expires_in: 0.125 }, { amount: 5 }]) {
      const answer = await expectNothingWritten(
        http,
        () => place(id, other, { 'Idempotency-Key': 'h' }),
      )
      expectProblem(answer, 'idempotency_key_reused')
    }
  })

  test('50 copies at once hold once and get the same answer', async () => {
    const id = await user('100')
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => place(id, { amount: 3 }, { 'Idempotency-Key': 'c' })),
    )
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'])).toHaveLength(49)
    expect(await call('GET', `/users/${id}`)).toMatchObject({ body: { available: '97.00' } })
  })

  test('refuses more than is available with all the amounts, and the key stays free', async () => {
    const id = await user('5')
    const headers = { 'Idempotency-Key': 'h' }
    const answer = await expectNothingWritten(http, () => place(id, { amount: '5.01' }, headers))
    expectProblem(answer, 'insufficient_funds', {
      balance: '5.00',
      available: '5.00',
      required: '5.01',
      shortfall: '0.01',
    })
    expect((await place(id, { amount: 5 }, headers)).status).toBe(201)
  })

  test('refuses malformed bodies and unknown users', async () => {
    const id = await user('5')
    const cases: [unknown, object][] = [
      [{}, invalid('amount', AMOUNT)],
      [{ amount: 0 }, invalid('amount', AMOUNT)],
      ...[0, -1, 1e-4, 0.0015, 3155760001, '1', null, true].map((
        expires_in,
      ): [unknown, object] => [{ amount: 1, expires_in }, invalid('expires_in', EXPIRES)]),
      [{ amount: 1, expires_at: 1 }, invalid('expires_at', 'is unknown')],
    ]
    await expectNothingWritten(http, async () => {
      for (const [body, details] of cases) {
        expectProblem(await place(id, body), 'invalid_request', details, {}, JSON.stringify(body))
      }
      expectProblem(await place(4711, { amount: 1 }), 'unknown_user')
      expectProblem(await call('POST', '/users/x/holds', { amount: 1 }), 'invalid_request', {
        errors: [{ path: 'id', message: ID }],
      })
    })
    expect((await place(id, { amount: 1, expires_in: 3155760000 })).status).toBe(201)
    expect((await place(id, { amount: 1, expires_in: 0.001 })).status).toBe(201)
  })
})

describe('capture', () => {
  test('takes all of a hold, once', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    expectAnswer(await close(id, 1, 'capture'), 201, {
      ...snapshotOf(id, '40.00', 2),
      entry: entryOf(2, 'DEBIT', '60.00', '40.00', { hold: 1 }),
    }, { location: `/users/${id}/history/2` })
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '40.00', 2), {
      'x-cache': 'hit',
    })
    await expectNothingWritten(http, async () => {
      expectProblem(await close(id, 1, 'capture'), 'hold_not_active')
      expectProblem(await close(id, 1, 'release'), 'hold_not_active')
    })
  })

  test('takes a part and gives back the rest', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    await place(id, { amount: 10 })
    expectAnswer(await close(id, 1, 'capture', { amount: '25.00', metadata: { x: 1 } }), 201, {
      ...snapshotOf(id, '75.00', 2, '65.00'),
      entry: entryOf(2, 'DEBIT', '25.00', '75.00', { metadata: { x: 1 }, hold: 1 }),
    }, { location: `/users/${id}/history/2` })
  })

  test('but no more than was held', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    const answer = await expectNothingWritten(
      http,
      () => close(id, 1, 'capture', { amount: 60.01 }),
    )
    expectProblem(
      answer,
      'invalid_request',
      invalid('amount', 'must be at most what is left of the hold or entry'),
    )
  })

  test('a repeat is the first answer, byte for byte', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    const headers = { 'Idempotency-Key': 'cap' }
    const first = await close(id, 1, 'capture', { amount: 20 }, headers)
    await call('POST', `/users/${id}/credit`, { amount: 1 })
    await call('POST', `/users/${id}/history/2/reverse`)
    expect(await close(id, 1, 'capture', { amount: '20.00' }, headers))
      .toEqual({ ...first, headers: { ...first.headers, ...REPLAYED } })
    expectProblem(
      await close(id, 1, 'capture', { amount: 21 }, headers),
      'idempotency_key_reused',
    )
  })

  test('fails when manual entries have taken the money', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 70)`
    expect(await close(id, 1, 'capture')).toMatchObject({
      status: 422,
      body: { code: 'insufficient_funds', balance: '30.00', required: '60.00' },
    })
    expect((await close(id, 1, 'release')).body).toMatchObject({ available: '30.00' })
  })
})

describe('captures in parts', () => {
  test('leave the rest held with final: false, until the last', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    expectAnswer(await close(id, 1, 'capture', { amount: 20, final: false }), 201, {
      ...snapshotOf(id, '80.00', 2, '40.00'),
      entry: entryOf(2, 'DEBIT', '20.00', '80.00', { hold: 1 }),
    }, { location: `/users/${id}/history/2` })
    const shown = async () => (await call('GET', `/users/${id}/holds/1`)).body
    expect(await shown()).toMatchObject({
      status: 'active',
      amount: '60.00',
      captured: '20.00',
      remaining: '40.00',
    })
    const tooMuch = await expectNothingWritten(
      http,
      () => close(id, 1, 'capture', { amount: 40.01, final: false }),
    )
    expectProblem(
      tooMuch,
      'invalid_request',
      invalid('amount', 'must be at most what is left of the hold or entry'),
    )
    expectAnswer(await close(id, 1, 'capture', { amount: 30, final: true }), 201, {
      ...snapshotOf(id, '50.00', 3),
      entry: entryOf(3, 'DEBIT', '30.00', '50.00', { hold: 1 }),
    }, { location: `/users/${id}/history/3` })
    expect(await shown()).toMatchObject({
      status: 'captured',
      captured: '50.00',
      remaining: '0.00',
      closed_at: 'TIME',
    })
    expectProblem(await close(id, 1, 'capture', { final: false }), 'hold_not_active')
  })

  test('end with the one that takes the last of it, or with a release', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    await place(id, { amount: 10 })
    await close(id, 1, 'capture', { amount: 20, final: false })
    expect((await close(id, 1, 'capture', { final: false })).body)
      .toMatchObject({ entry: { amount: '40.00' } })
    expectProblem(await close(id, 1, 'release'), 'hold_not_active')
    await close(id, 2, 'capture', { amount: 4, final: false })
    expectAnswer(await close(id, 2, 'release'), 200, snapshotOf(id, '36.00', 4))
    const { body } = await call('GET', `/users/${id}/holds`)
    expect((body as { holds: unknown[] }).holds).toMatchObject([
      { status: 'captured', captured: '60.00', remaining: '0.00' },
      { status: 'released', captured: '4.00', remaining: '0.00' },
    ])
    expect(await findingsOf(http.sql, id)).toEqual([])
  })

  test('with a key: a repeat is the first answer, unless it is another part', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    const part = { amount: 20, final: false }
    const [one, two] = [{ 'Idempotency-Key': 'one' }, { 'Idempotency-Key': 'two' }]
    const first = await close(id, 1, 'capture', part, one)
    const second = await close(id, 1, 'capture', {}, two)
    expect(second.body).toMatchObject({ entry: { amount: '40.00' } })
    const again = (answer: typeof first) => (
      { ...answer, headers: { ...answer.headers, ...REPLAYED } }
    )
    expect(await close(id, 1, 'capture', part, one)).toEqual(again(first))
    expect(await close(id, 1, 'capture', {}, two)).toEqual(again(second))
    await expectNothingWritten(http, async () => {
      for (const body of [{ amount: 20 }, { amount: 21, final: false }, { final: false }, {}]) {
        expectProblem(await close(id, 1, 'capture', body, one), 'idempotency_key_reused')
      }
    })
  })

  test.each(['false', 0, null])('final is true or false, not %j', async (final) => {
    const id = await user('100')
    await place(id, { amount: 60 })
    const answer = await close(id, 1, 'capture', { final })
    expectProblem(answer, 'invalid_request', invalid('final', 'must be true or false'))
  })
})

describe('extend', () => {
  test('lets a hold expire later, or never', async () => {
    const id = await user('100')
    await place(id, { amount: 60, expires_in: 60 })
    const before_ms = Date.now()
    const extended = await close(id, 1, 'extend', { expires_in: 3600 })
    expect(extended).toMatchObject({ status: 200, body: holdOf(1, id, '60.00', '40.00', 'TIME') })
    expectHourFrom(before_ms, extended)
    expectAnswer(
      await close(id, 1, 'extend', { expires_in: null }),
      200,
      holdOf(1, id, '60.00', '40.00'),
    )
    await ageHolds(http.sql, id)
    expect((await close(id, 1, 'capture')).status).toBe(201)
    expect(await findingsOf(http.sql, id)).toEqual([])
  })

  test('never to an earlier time: expiry_not_later', async () => {
    const id = await user('100')
    await place(id, { amount: 60, expires_in: 3600 })
    await place(id, { amount: 1 })
    await expectNothingWritten(http, async () => {
      expectProblem(await close(id, 1, 'extend', { expires_in: 60 }), 'expiry_not_later')
      expectProblem(await close(id, 2, 'extend', { expires_in: 60 }), 'expiry_not_later')
      expectProblem(await close(id, 2, 'extend', { expires_in: null }), 'expiry_not_later')
    })
  })

  test('only what is active', async () => {
    const id = await user('100')
    await place(id, { amount: 60, expires_in: 60 })
    await place(id, { amount: 1, expires_in: 60 })
    await close(id, 2, 'release')
    await ageHolds(http.sql, id)
    const body = { expires_in: 3600 }
    expectProblem(await close(id, 1, 'extend', body), 'hold_not_active')
    expectProblem(await close(id, 2, 'extend', body), 'hold_not_active')
    expectProblem(await close(id, 3, 'extend', body), 'unknown_hold')
    expectProblem(await close(4711, 1, 'extend', body), 'unknown_user')
    for (const expires_in of [0, -1, 0.0001, '60', 3_155_760_001, undefined]) {
      const answer = await close(id, 1, 'extend', { expires_in })
      expectProblem(answer, 'invalid_request', invalid('expires_in', EXPIRES))
    }
  })

  test('with a key: a repeat is the first answer, and extends once', async () => {
    const id = await user('100')
    await place(id, { amount: 60, expires_in: 60 })
    const headers = { 'Idempotency-Key': 'later' }
    const first = await close(id, 1, 'extend', { expires_in: 3600 }, headers)
    await close(id, 1, 'extend', { expires_in: 7200 })
    await expectNothingWritten(http, async () => {
      expect(await close(id, 1, 'extend', { expires_in: 3600 }, headers))
        .toEqual({ ...first, headers: { ...first.headers, ...REPLAYED } })
      for (const [hold, expires_in] of [[1, 3601], [1, null], [2, 3600]] as const) {
        expectProblem(
          await close(id, hold, 'extend', { expires_in }, headers),
          'idempotency_key_reused',
        )
      }
    })
  })
})

describe('release', () => {
  test('gives back, once, and a repeat with the key is the first answer', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    const headers = { 'Idempotency-Key': 'rel' }
    const first = await close(id, 1, 'release', {}, headers)
    expectAnswer(first, 200, snapshotOf(id, '100.00', 1))
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '100.00', 1), {
      'x-cache': 'hit',
    })
    await call('POST', `/users/${id}/debit`, { amount: 1 })
    expect(await close(id, 1, 'release', undefined, headers))
      .toEqual({ ...first, headers: { ...first.headers, ...REPLAYED } })
    expectProblem(await close(id, 1, 'release'), 'hold_not_active')
    expectProblem(await close(id, 1, 'capture'), 'hold_not_active')
  })
})

test('what a release is told is kept with its hold', async () => {
  const id = await user('1')
  await place(id, { amount: 1, metadata: { for: 'a' } })
  expect((await close(id, 1, 'release', { metadata: { by: 'b' } })).status).toBe(200)
  expect(await http.sql`select metadata from hold_changes where user_id = ${id} order by number`)
    .toEqual([{ metadata: { for: 'a' } }, { metadata: { by: 'b' } }])
})

describe('capture of more than is left, after a manual DEBIT', () => {
  test.each([
    ['all of it', {}, '8.00', '3.00'],
    ['a part', { amount: 6 }, '6.00', '1.00'],
  ])('%s: what the hold holds is available to it', async (_, body, required, shortfall) => {
    const id = await user('12')
    await place(id, { amount: 8 })
    await place(id, { amount: 1 })
    await http.sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 6)`
    expectProblem(await close(id, 1, 'capture', body), 'insufficient_funds', {
      balance: '6.00',
      available: '5.00',
      required,
      shortfall,
    })
    expect(await historyOf(http.sql, id)).toEqual(['+12.00=12.00', '-6.00=6.00'])
    expect(await close(id, 1, 'capture', { amount: 5 })).toMatchObject({ status: 201 })
  })
})

test.each(['capture', 'release'] as const)('%s of a hold that never was', async (how) => {
  const id = await user('100')
  await expectNothingWritten(http, async () => {
    expectProblem(await close(id, 1, how), 'unknown_hold')
    expectProblem(await close(4711, 1, how), 'unknown_user')
    for (const hold of ['0', 'x', '-1', '1.5', '9007199254740992']) {
      expectProblem(await close(id, hold, how), 'invalid_request', invalid('hold', ID))
    }
    expectProblem(
      await close(id, 1, how, { nothing: 1 }),
      'invalid_request',
      invalid('nothing', 'is unknown'),
    )
  })
})

test('of captures and releases at once exactly one closes the hold', async () => {
  const id = await user('100')
  await place(id, { amount: 60 })
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => close(id, 1, n % 2 ? 'capture' : 'release')),
  )
  expect(answers.filter(({ status }) => status < 300)).toHaveLength(1)
  for (const answer of answers.filter(({ status }) => status >= 300)) {
    expectProblem(answer, 'hold_not_active')
  }
  expect(await findingsOf(http.sql, id)).toEqual([])
})
