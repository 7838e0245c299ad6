import { describe, expect, test } from 'vitest'
import { expectNothingWritten, useHttp } from '../../support/http.ts'
import { invalid } from '../../support/problems.ts'
import { findingsOf } from '../../support/findings.ts'

// A list of a thousand waits for itself: on a busy machine longer than services in tests let it.
const http = useHttp({ requestDeadlineMs: 60_000 })

interface Result {
  status: number
  body: Record<string, unknown>
  idempotency_key?: string
  replayed?: true
}
const send = (items: unknown, key?: string) =>
  http.call('POST', '/operations', items, key === undefined ? {} : { 'Idempotency-Key': key })
const results = async (items: unknown, key?: string) =>
  ((await send(items, key)).body as { results: Result[] }).results

/** A user with a credit, a debit, a credit and two holds. */
async function furnished(): Promise<number> {
  const id = await http.user('100')
  await http.sql`select debit_user(${id}, 10)`
  await http.sql`select place_hold(${id}, 5), place_hold(${id}, 6)`
  return id
}

describe('POST /operations', () => {
  test('does every kind, and gives each the answer of the single call', async () => {
    const [id, alone, other] = [await furnished(), await furnished(), await http.user()]
    const metadata = { n: 1 }
    const cases = [
      [{ kind: 'debit', amount: 1, metadata }, 'debit', { amount: 1, metadata }],
      [{ kind: 'credit', amount: '2.5' }, 'credit', { amount: '2.5' }],
      [{ kind: 'hold', amount: 3, expires_in: 60 }, 'holds', { amount: 3, expires_in: 60 }],
      [
        { kind: 'capture', hold: 1, amount: 3, final: false },
        'holds/1/capture',
        { amount: 3, final: false },
      ],
      [{ kind: 'capture', hold: 1, amount: 1 }, 'holds/1/capture', { amount: 1 }],
      [{ kind: 'extend', hold: 3, expires_in: 90 }, 'holds/3/extend', { expires_in: 90 }],
      [{ kind: 'extend', hold: 3, expires_in: null }, 'holds/3/extend', { expires_in: null }],
      [{ kind: 'release', hold: 2 }, 'holds/2/release', {}],
      [{ kind: 'reverse', seq: 2, amount: 4 }, 'history/2/reverse', { amount: 4 }],
      [{ kind: 'reverse', seq: 2 }, 'history/2/reverse', {}],
      [{ kind: 'recalculate' }, 'recalculate', {}],
    ] as const
    const named = (value: unknown) =>
      JSON.parse(JSON.stringify(value).replaceAll(/"(user_)?id":\d+/g, '"id":0')) as unknown
    for (const [item, path, body] of cases) {
      const [result] = await results([{ ...item, user_id: id }])
      const single = await http.call('POST', `/users/${alone}/${path}`, body)
      expect(named(result), item.kind).toEqual(named({ status: single.status, body: single.body }))
    }
    const [moved] = await results([{ kind: 'transfer', from: id, to: other, amount: 1 }])
    expect(moved).toMatchObject({
      status: 201,
      body: { from: { id, entry: { action: 'DEBIT' } }, to: { id: other, balance: '1.00' } },
    })
    expect(await findingsOf(http.sql)).toEqual([])
  })

  test('refuses items one by one, in order, as the single calls would', async () => {
    const id = await furnished()
    await http.sql`select freeze_user(${await http.user(5)})`
    const got = await results([
      { kind: 'debit', user_id: id, amount: 5000, idempotency_key: 'too-much' },
      { kind: 'credit', user_id: 4711, amount: 1 },
      { kind: 'capture', user_id: id, hold: 99 },
      { kind: 'reverse', user_id: id, seq: 99 },
      { kind: 'transfer', from: id, to: id, amount: 1 },
      { kind: 'credit', user_id: id, amount: 1 },
    ])
    expect(got.map(({ status, body }) => [status, body['code']])).toEqual([
      [422, 'insufficient_funds'],
      [404, 'unknown_user'],
      [404, 'unknown_hold'],
      [404, 'unknown_entry'],
      [422, 'same_user'],
      [201, undefined],
    ])
    expect(got[0]).toMatchObject({
      idempotency_key: 'too-much',
      body: { available: '79.00', required: '5000.00' },
    })
  })

  test('a repeat does nothing twice, in another order or in part', async () => {
    const [id, other] = [await http.user(100), await http.user(100)]
    const items = [
      { kind: 'debit', user_id: id, amount: 1 },
      { kind: 'hold', user_id: other, amount: 2 },
      { kind: 'transfer', from: id, to: other, amount: 3 },
      { kind: 'credit', user_id: id, amount: 4, idempotency_key: 'own' },
    ]
    const first = await results(items, 'run')
    expect(first.map(({ idempotency_key }) => idempotency_key))
      .toEqual(['run#0', 'run#hold#0', `run#transfer-${other}#0`, 'own'])
    const again = await expectNothingWritten(http, () => send(items, 'run'))
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect((again.body as { results: Result[] }).results)
      .toEqual(first.map((result) => ({ ...result, replayed: true })))
    for (const part of [[items[1], items[3]], [items[2]], [items[2], items[0]]]) {
      await expectNothingWritten(http, () => results(part, 'run'))
    }
    const [reused] = await results([{ kind: 'debit', user_id: id, amount: 9 }], 'run')
    expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  })

  test('a repeat does nothing twice, whatever else was in the list', async () => {
    const id = await furnished()
    const debit = { kind: 'debit', user_id: id, amount: 1 }
    const part = { kind: 'capture', user_id: id, hold: 1, amount: 1, final: false }
    const others = [
      { kind: 'recalculate', user_id: id },
      { kind: 'debit', user_id: id, amount: 5000 },
      { kind: 'hold', user_id: id, amount: 5000 },
      { ...part, amount: 50 },
    ]
    await results([...others, debit, part, part], 'rest')
    for (const items of [[debit, part], [part, part, ...others, debit], [part, debit, part]]) {
      await expectNothingWritten(http, () => results(items, 'rest'))
    }
    const [row] = await http.sql`select balance from users where id = ${id}`
    expect(row).toEqual({ balance: '87.00' })
  })

  test('does a thousand items of one user', async () => {
    const id = await http.user(2000)
    const items = Array.from({ length: 1000 }, () => ({ kind: 'debit', user_id: id, amount: 1 }))
    const got = await results(items)
    expect(new Set(got.map(({ status }) => status))).toEqual(new Set([201]))
    const [row] = await http.sql`select balance from users where id = ${id}`
    expect(row).toEqual({ balance: '1000.00' })
  })

  test.each([
    [{}, '', 'must be a list'],
    [
      Array.from({ length: 1001 }, () => ({ kind: 'recalculate', user_id: 1 })),
      '',
      'must have at most 1000 items',
    ],
    [[{ kind: 'debit', user_id: 1, amount: 1, seq: 1 }], '0.seq', 'is unknown'],
    [[{ kind: 'recalculate', user_id: 1, amount: 1 }], '0.amount', 'is unknown'],
    [
      [{ kind: 'credit', user_id: 1, amount: 0 }],
      '0.amount',
      'must be from 0.01 to 9999999999.99, with at most two decimals',
    ],
    [
      [{ kind: 'burn', user_id: 1 }],
      '0.kind',
      'must be an operation: its kind is debit, credit, transfer, hold, capture, extend, release, ' +
      'reverse or recalculate',
    ],
  ])('refuses all: %#', async (items, path, message) => {
    const answer = await expectNothingWritten(http, () => send(items))
    expect(answer).toMatchObject({ status: 400, body: invalid(path, message) })
  })
})
