import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
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
import { findingsOf, historyOf, one } from '../../support/ledger.ts'

const ID = 'must be digits, from 1 to 9007199254740991'
const LIMIT = 'must be digits, from 1 to 1000'
const MOMENT = 'must be a moment of RFC 3339 with an offset, such as 2026-01-31T23:59:59Z'
const REPLAYED = { 'idempotency-replayed': 'true' }
const BAD_MOMENTS = [
  ['', 'now', '2026-01-01', '2026-01-01T00:00:00', '2026-01-01 00:00:00Z', '1767225600'],
  ['2026-13-01T00:00:00Z', '2026-02-29T00:00:00Z', '2026-01-01T24:00:00Z', '0000-01-01T00:00:00Z'],
  ['2026-01-01T00:00:00%2B15:00', '0001-01-01T00:00:00%2B01:00', '2026-01-01T00:00Z'],
  ['infinity', '2026-01-01T00:00:00.1234567890Z', '02026-01-01T00:00:00Z'],
].flat()

const http = useHttp()
const call: Call = (...request) => http.call(...request)
const user = (credit?: string | number) => http.user(credit)
const history = (id: number, query = '', headers: Record<string, string> = {}) =>
  call('GET', `/users/${id}/history${query}`, undefined, headers)

/** When an entry was counted, with all its digits. */
async function sealedAt(id: number, seq: number): Promise<string> {
  const row = await one(http.sql<{ at: string }[]>`
    select to_char(sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
      from payment_history where user_id = ${id} and seq = ${seq}`)
  return row.at
}

/** Hand-made rows of 0.01 that were counted, some at a time. */
async function load(id: number, rows: number, note = ''): Promise<void> {
  for (let left = rows; left > 0; left -= 2000) {
    await http.sql`
      insert into payment_history (user_id, action, amount, metadata)
      select ${id}, 'CREDIT', 0.01, jsonb_build_object('note', ${note}::text)
        from generate_series(1, ${Math.min(left, 2000)}::int)`
    await http.sql`select recalculate_balance(${id}::bigint)`
  }
}

describe('GET /users/:id/history', () => {
  test('is newest first, in pages', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 3, metadata: { a: 1 } }, {
      'Idempotency-Key': 'k',
    })
    await call('POST', `/users/${id}/holds`, { amount: 2 })
    await call('POST', `/users/${id}/holds/1/capture`)
    await call('POST', `/users/${id}/history/2/reverse`)
    const entries = [
      entryOf(4, 'CREDIT', '3.00', '8.00', { reverses: 2 }),
      entryOf(3, 'DEBIT', '2.00', '5.00', { hold: 1 }),
      entryOf(2, 'DEBIT', '3.00', '7.00', {
        idempotency_key: 'k',
        metadata: { a: 1 },
        reversed_by: 4,
      }),
      entryOf(1, 'CREDIT', '10.00', '10.00'),
    ]
    expectAnswer(await history(id), 200, { entries, next: null })
    expectAnswer(await history(id, '?limit=2'), 200, { entries: entries.slice(0, 2), next: 3 })
    expectAnswer(await history(id, '?limit=2&before=3'), 200, {
      entries: entries.slice(2),
      next: null,
    })
    expectAnswer(await history(id, '?limit=3'), 200, { entries: entries.slice(0, 3), next: 2 })
    expectAnswer(await history(id, '?before=1'), 200, { entries: [], next: null })
    expectAnswer(await history(id, '?before=9007199254740991'), 200, { entries, next: null })
    for (const entry of entries) {
      expectAnswer(await call('GET', `/users/${id}/history/${entry.seq}`), 200, entry)
    }
  })

  test('has 50 entries a page unless told otherwise, and 1000 at most', async () => {
    const id = await user()
    await load(id, 1001)
    const seqs = async (query: string) => {
      const { entries, next } = (await history(id, query)).body as {
        entries: { seq: number }[]
        next: number | null
      }
      return [entries.length, entries[0]!.seq, entries.at(-1)!.seq, next]
    }
    expect(await seqs('')).toEqual([50, 1001, 952, 952])
    expect(await seqs('?limit=1000')).toEqual([1000, 1001, 2, 2])
    expect(await seqs('?limit=1000&before=2')).toEqual([1, 1, 1, null])
  })

  test('of a new user is empty, of nobody unknown', async () => {
    expectAnswer(await history(await user()), 200, { entries: [], next: null })
    expectProblem(await history(4711), 'unknown_user')
    expectProblem(await call('GET', `/users/${await user()}/history/1`), 'unknown_entry')
    expectProblem(await call('GET', '/users/4711/history/1'), 'unknown_user')
  })

  test('names what is bad in the query', async () => {
    const id = await user('1')
    for (const limit of ['0', '1001', '-1', '1.5', 'x', '', '1e2', '%201']) {
      expectProblem(
        await history(id, `?limit=${limit}`),
        'invalid_request',
        invalid('limit', LIMIT),
      )
    }
    for (const before of ['0', '-1', 'x', '', '1.0', '9007199254740992']) {
      expectProblem(
        await history(id, `?before=${before}`),
        'invalid_request',
        invalid('before', ID),
      )
    }
    for (const seq of ['0', 'x', '1.5', '9007199254740992']) {
      expectProblem(
        await call('GET', `/users/${id}/history/${seq}`),
        'invalid_request',
        invalid('seq', ID),
      )
    }
    expect((await history(id, '?limit=1&limit=2')).status).toBe(400)
  })
})

describe('GET /users/:id/balance', () => {
  const balance = (id: number, at?: string) =>
    call('GET', `/users/${id}/balance${at === undefined ? '' : `?at=${at}`}`)

  test('is what the ledger held at that moment, to the microsecond', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    const at = await sealedAt(id, 2)
    const before = at.replace(
      /(\d{6})Z/,
      (_, digits) => `${String(Math.max(0, Number(digits) - 1)).padStart(6, '0')}Z`,
    )
    const answer = await balance(id, at)
    expect(JSON.parse(answer.text)).toEqual({ id, at, balance: '6.00', seq: 2 })
    expect(JSON.parse((await balance(id, before)).text))
      .toEqual({ id, at: before, balance: '10.00', seq: 1 })
    // Finer than what entries have.
    expect(JSON.parse((await balance(id, before.replace('Z', '999Z'))).text))
      .toEqual({ id, at: before, balance: '10.00', seq: 1 })
    expectAnswer(await balance(id, '2020-01-01T00:00:00Z'), 200, {
      id,
      at: 'TIME',
      balance: '0.00',
      seq: 0,
    })
    expectAnswer(await balance(id), 200, { id, at: 'TIME', balance: '6.00', seq: 2 })
  })

  test('takes every offset, and a plus that became a space', async () => {
    const id = await user('10')
    for (
      const at of [
        '2020-01-01T02:30:00%2B02:30',
        '2020-01-01T02:30:00+02:30',
        '2019-12-31t16:00:00.000-08:00',
        '2020-01-01T00:00:00z',
        '2020-01-01T00:00:00-00:00',
      ]
    ) {
      expect(JSON.parse((await balance(id, at)).text), at)
        .toEqual({ id, at: '2020-01-01T00:00:00.000000Z', balance: '0.00', seq: 0 })
    }
    expect(await balance(id, '0001-01-01T00:00:00Z')).toMatchObject({ status: 200 })
    expect(await balance(id, '2024-02-29T00:00:00Z')).toMatchObject({ status: 200 })
  })

  test('refuses the future and what is no moment', async () => {
    const id = await user('10')
    for (const at of ['2999-01-01T00:00:00Z', '9999-12-31T23:59:59-14:00']) {
      expectProblem(
        await balance(id, at),
        'invalid_request',
        invalid('at', 'must not be in the future'),
      )
    }
    for (const at of BAD_MOMENTS) {
      expectProblem(await balance(id, at), 'invalid_request', invalid('at', MOMENT), {}, at)
    }
    expectProblem(await balance(4711), 'unknown_user')
  })
})

describe('GET /users/:id/verify', () => {
  test('finds nothing in a history that is as it was made', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    expectAnswer(await call('GET', `/users/${id}/verify`), 200, {
      id,
      ok: true,
      entries: 2,
      findings: [],
    })
    expectProblem(await call('GET', '/users/4711/verify'), 'unknown_user')
  })

  test('finds what somebody changed', async () => {
    const id = await user('10')
    await http.sql`update users set balance = 11 where id = ${id}`
    const answer = await call('GET', `/users/${id}/verify`)
    expect(answer).toMatchObject({
      status: 200,
      body: { id, ok: false, entries: 1, findings: [{ user_id: id }] },
    })
  })
})

describe('POST /users/:id/history/:seq/reverse', () => {
  const reverse = (
    id: number,
    seq: number | string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => call('POST', `/users/${id}/history/${seq}/reverse`, body, headers)

  test('takes an entry back, once', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    expectAnswer(await reverse(id, 2, { metadata: { why: 'x' } }), 201, {
      ...snapshotOf(id, '10.00', 3),
      entry: entryOf(3, 'CREDIT', '4.00', '10.00', { metadata: { why: 'x' }, reverses: 2 }),
    }, { location: `/users/${id}/history/3` })
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '10.00', 3), {
      'x-cache': 'hit',
    })
    const again = await expectNothingWritten(http, () => reverse(id, 2))
    expectProblem(again, 'already_reversed')
    // A reversal is an entry like others.
    expect(await reverse(id, 3)).toMatchObject({ status: 201, body: { balance: '6.00' } })
  })

  test('a repeat is the first answer, byte for byte', async () => {
    const id = await user('10')
    const headers = { 'Idempotency-Key': 'r' }
    const first = await reverse(id, 1, {}, headers)
    await reverse(id, 2)
    expect(await reverse(id, 1, {}, headers))
      .toEqual({ ...first, headers: { ...first.headers, ...REPLAYED } })
    expectProblem(await reverse(id, 3, {}, headers), 'idempotency_key_reused')
  })

  test('20 at once: one takes it back, or all get that answer if they have its key', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    const keyed = await Promise.all(
      Array.from({ length: 20 }, () => reverse(id, 2, {}, { 'Idempotency-Key': 'r' })),
    )
    expect(new Set(keyed.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    const bare = await Promise.all(Array.from({ length: 20 }, () => reverse(id, 3)))
    expect(bare.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(bare.filter(({ status }) => status === 409)).toHaveLength(19)
    expect(await historyOf(http.sql, id)).toHaveLength(4)
  })

  test('a transfer goes back whole, from either half, and both caches know', async () => {
    const [from, to] = [await user('10'), await user()]
    await call('POST', '/transfers', { from, to, amount: 7 })
    expectAnswer(await reverse(from, 2), 201, {
      ...snapshotOf(from, '10.00', 3),
      entry: entryOf(3, 'CREDIT', '7.00', '10.00', {
        transfer: { user_id: to, seq: 2 },
        reverses: 2,
      }),
    }, { location: `/users/${from}/history/3` })
    expectAnswer(await call('GET', `/users/${to}`), 200, snapshotOf(to, '0.00', 2), {
      'x-cache': 'hit',
    })
    expectProblem(await reverse(to, 1), 'already_reversed')
  })

  test('what was spent can not be taken back; the amounts are of whoever spent it', async () => {
    const [from, to] = [await user('10'), await user()]
    await call('POST', '/transfers', { from, to, amount: 7 })
    await call('POST', `/users/${to}/debit`, { amount: 5 })
    for (const [id, seq] of [[from, 2], [to, 1]] as const) {
      const answer = await expectNothingWritten(http, () => reverse(id, seq))
      expectProblem(answer, 'insufficient_funds', {
        balance: '2.00',
        available: '2.00',
        required: '7.00',
        shortfall: '5.00',
      })
    }
    expect(await findingsOf(http.sql, from)).toEqual([])
  })

  test('reaches a manual entry as soon as it has that number', async () => {
    const id = await user('10')
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
    expect(await reverse(id, 2)).toMatchObject({
      status: 201,
      body: { balance: '10.00', entry: { seq: 3, reverses: 2 } },
    })
  })

  test('refuses what is not there, and malformed requests', async () => {
    const id = await user('10')
    await expectNothingWritten(http, async () => {
      expectProblem(await reverse(id, 2), 'unknown_entry')
      expectProblem(await reverse(4711, 1), 'unknown_user')
      expectProblem(await reverse(id, 'x'), 'invalid_request', invalid('seq', ID))
      expectProblem(
        await reverse(id, 1, { final: false }),
        'invalid_request',
        invalid('final', 'is unknown'),
      )
      for (const amount of [0, '1.001', null]) {
        expect((await reverse(id, 1, { amount })).status).toBe(400)
      }
    })
  })

  test('takes a part back, then the rest, and no more than the entry was', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    const headers = { 'Idempotency-Key': 'part' }
    const first = await reverse(id, 2, { amount: '1.5' }, headers)
    expectAnswer(first, 201, {
      ...snapshotOf(id, '7.50', 3),
      entry: entryOf(3, 'CREDIT', '1.50', '7.50', { idempotency_key: 'part', reverses: 2 }),
    }, { location: `/users/${id}/history/3` })
    const entry = () => call('GET', `/users/${id}/history/2`)
    expect((await entry()).body).toMatchObject({ reversed_by: 3, reversed: '1.50' })
    const tooMuch = await expectNothingWritten(http, () => reverse(id, 2, { amount: 2.51 }))
    expectProblem(
      tooMuch,
      'invalid_request',
      invalid('amount', 'must be at most what is left of the hold or entry'),
    )
    expect(await reverse(id, 2)).toMatchObject({ status: 201, body: { entry: { amount: '2.50' } } })
    expect((await entry()).body).toMatchObject({ reversed_by: 4 })
    expect((await entry()).body).not.toHaveProperty('reversed')
    expectProblem(await reverse(id, 2, { amount: 1 }), 'already_reversed')
    expect(await reverse(id, 2, { amount: 1.5 }, headers))
      .toEqual({ ...first, headers: { ...first.headers, 'idempotency-replayed': 'true' } })
    expectProblem(await reverse(id, 2, {}, headers), 'idempotency_key_reused')
    expect(await findingsOf(http.sql, id)).toEqual([])
  })
})

describe('statements', () => {
  const ndjson = { Accept: 'application/x-ndjson' }
  const csv = { Accept: 'text/csv' }
  const HEADER = 'kind,seq,action,amount,balance,ts,posted_at,held,idempotency_key,metadata,' +
    'transfer_user_id,transfer_seq,reverses,reversed_by,hold,hash,erased_by,archived_by'

  const linesOf = (text: string) =>
    text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)

  test('as lines of JSON: opening, entries oldest first, closing with the last hash', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    const answer = await history(id, '', ndjson)
    expect(answer.headers['content-type']).toBe('application/x-ndjson')
    const lines = linesOf(answer.text)
    const entries = await Promise.all(
      [1, 2].map(async (seq) =>
        JSON.parse((await call('GET', `/users/${id}/history/${seq}`)).text)
      ),
    )
    expect(lines).toEqual([
      { opening: { at: null, seq: 0, balance: '0.00', hash: null } },
      ...entries.map((entry) => ({ ...entry, posted_at: entry.ts, held: '0.00' })),
      { closing: { at: expect.any(String), seq: 2, balance: '6.00', hash: entries[1].hash } },
    ])
  })

  test('as CSV, safe for spreadsheets', async () => {
    const [id, to] = [await user('10'), await user()]
    const post = (key: string, metadata?: object) =>
      call('POST', `/users/${id}/debit`, { amount: 1, metadata }, { 'Idempotency-Key': key })
    await post('=1+1', { a: 'x,"y"' })
    await post('-2,"3"')
    await post('@cmd')
    await call('POST', '/transfers', { from: id, to, amount: 1 }, { 'Idempotency-Key': '+4' })
    const response = await fetch(`${http.service.url}/users/${id}/history`, { headers: csv })
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="user-${id}.csv"`,
      'vary': 'Accept',
    })
    const text = (await response.text())
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replace(/[0-9a-f]{64}/g, 'HASH')
    expect(text.split('\r\n')).toEqual([
      HEADER,
      'opening,0,,,0.00,,,,,,,,,,,,,',
      'entry,1,CREDIT,10.00,10.00,TIME,TIME,0.00,,,,,,,,HASH,,',
      `entry,2,DEBIT,1.00,9.00,TIME,TIME,0.00,'=1+1,"{""a"": ""x,\\""y\\""""}",,,,,,HASH,,`,
      `entry,3,DEBIT,1.00,8.00,TIME,TIME,0.00,"'-2,""3""",,,,,,,HASH,,`,
      `entry,4,DEBIT,1.00,7.00,TIME,TIME,0.00,'@cmd,,,,,,,HASH,,`,
      `entry,5,DEBIT,1.00,6.00,TIME,TIME,0.00,'+4,,${to},1,,,,HASH,,`,
      'closing,5,,,6.00,TIME,,,,,,,,,,HASH,,',
      '',
    ])
  })

  test('after from, up to to; what came later is not in it', async () => {
    const id = await user('10')
    for (let n = 0; n < 4; n++) await call('POST', `/users/${id}/debit`, { amount: 1 })
    await call('POST', `/users/${id}/history/3/reverse`)
    const [from, to] = [await sealedAt(id, 2), await sealedAt(id, 4)]
    const statement = async (query: string) => linesOf((await history(id, query, ndjson)).text)
    const lines = await statement(`?from=${from}&to=${to}`)
    expect(lines).toMatchObject([
      { opening: { at: from, seq: 2, balance: '9.00' } },
      { seq: 3 },
      { seq: 4 },
      { closing: { at: to, seq: 4, balance: '7.00' } },
    ])
    expect(lines[1]).not.toHaveProperty('reversed_by')
    expect(await statement(`?from=${to}`)).toMatchObject([
      { opening: { seq: 4 } },
      { seq: 5 },
      { seq: 6, reverses: 3 },
      { closing: { seq: 6 } },
    ])
    expect(await statement(`?from=${to}&to=${to}`)).toMatchObject([
      { opening: { seq: 4, balance: '7.00' } },
      { closing: { seq: 4, balance: '7.00' } },
    ])
    // An end in the future is now.
    const [last] = (await statement('?to=2999-01-01T00:00:00Z')).slice(-1) as [
      { closing: { at: string } },
    ]
    expect(new Date(last.closing.at) <= new Date()).toBe(true)
  })

  test('that follow one another have every entry once, by moments and by seq', async () => {
    const id = await user('10')
    const psql = http.connect()
    const seen: Record<string, number[]> = { from: [], after: [] }
    const next = { from: '', after: '?after=0' }
    const read = async (by: 'from' | 'after') => {
      const lines = linesOf((await history(id, next[by], ndjson)).text)
      const { closing } = lines.at(-1) as { closing: { at: string; seq: number } }
      seen[by]!.push(...lines.slice(1, -1).map(({ seq }) => seq as number))
      next[by] = by === 'from' ? `?from=${closing.at}` : `?after=${closing.seq}`
    }
    for (let n = 0; n < 5; n++) {
      await psql`begin`
      await psql`select credit_user(${id}::bigint, 1)`
      // What is open while a statement is made is in the next one.
      await Promise.all([read('from'), read('after')])
      await psql`commit`
      await call('POST', `/users/${id}/debit`, { amount: 1 })
    }
    for (let n = 0; n < 2; n++) await Promise.all([read('from'), read('after')])
    const all = Array.from({ length: 11 }, (_, n) => n + 1)
    expect(seen).toEqual({ from: all, after: all })
  })

  test('from behind a seq begin with what it left', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    const [opening, ...rest] = linesOf((await history(id, '?after=1', ndjson)).text)
    const first = JSON.parse((await call('GET', `/users/${id}/history/1`)).text)
    expect(opening).toEqual({
      opening: { at: first.ts, seq: 1, balance: '10.00', hash: first.hash },
    })
    expect(rest).toMatchObject([{ seq: 2 }, { closing: { seq: 2 } }])
    for (
      const [query, message] of [
        ['?after=3', 'must not be behind the last entry'],
        ['?after=1&from=2000-01-01T00:00:00Z', 'can not be given with from'],
      ] as const
    ) {
      expectProblem(await history(id, query, ndjson), 'invalid_request', invalid('after', message))
    }
    expectProblem(
      await history(id, '?after=1', { Accept: 'application/json' }),
      'invalid_request',
      invalid('after', 'is for statements; see Accept'),
    )
  })

  test('never end with a moment that came while they waited for another transaction', async () => {
    const id = await user('10')
    const sql = http.connect()
    for (;;) {
      const to = new Date(Date.now() + 1000).toISOString()
      await sql`begin`
      await sql`select debit_user(${id}, 1)`
      const answer = history(id, `?to=${to}`, ndjson)
      const asked = await vi.waitUntil(async () => {
        const [row] = await http.sql<{ is_before: boolean }[]>`
          select query_start < ${to}::text::timestamptz as is_before from pg_stat_activity
           where datname = current_database() and query like '%get_moments%'
             and wait_event_type = 'Lock'`
        return row
      })
      await http.sql`
        select pg_sleep(
          greatest(0, extract(epoch from ${to}::text::timestamptz - clock_timestamp())))`
      await sql`commit`
      const { closing } = linesOf((await answer).text).at(-1) as { closing: { at: string } }
      // On a busy machine it may have been past when it was asked for.
      if (!asked.is_before) continue
      expect(new Date(closing.at) < new Date(to)).toBe(true)
      break
    }
  })

  test.each(['after', 'min_seq'])('refuse a bad %s with one fault', async (name) => {
    const id = await user()
    const fault = invalid(name, 'must be digits, from 0 to 9007199254740991')
    for (const value of ['x', '-1', '1.5', '9007199254740992']) {
      expectProblem(await history(id, `?${name}=${value}`, csv), 'invalid_request', fault)
    }
  })

  test('since a moment without entries are empty', async () => {
    const id = await user('10')
    const [row] = await http.sql<{ now: string }[]>`
      select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as now`
    const { now } = row!
    expect(linesOf((await history(id, `?from=${now}`, ndjson)).text)).toMatchObject([
      { opening: { seq: 1, balance: '10.00' } },
      { closing: { seq: 1, balance: '10.00' } },
    ])
  })

  test('of a user without entries, of nobody, and of no time', async () => {
    const id = await user()
    expect((await history(id, '', csv)).text.split('\r\n').slice(0, 2))
      .toEqual([HEADER, 'opening,0,,,0.00,,,,,,,,,,,,,'])
    expectProblem(await history(4711, '', csv), 'unknown_user')
    for (const name of ['from', 'to']) {
      for (const moment of BAD_MOMENTS) {
        expectProblem(
          await history(id, `?${name}=${moment}`, csv),
          'invalid_request',
          invalid(name, MOMENT),
        )
      }
    }
    for (
      const query of [
        '?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
        '?from=2999-01-01T00:00:00Z',
      ]
    ) {
      expectProblem(
        await history(id, query, ndjson),
        'invalid_request',
        invalid('from', 'must not be after to, or in the future'),
      )
    }
    expectProblem(
      await history(id, '?limit=5', csv),
      'invalid_request',
      invalid('limit', 'is for pages of JSON; see Accept'),
    )
  })

  test('only when asked for', async () => {
    const id = await user('1')
    const typeFor = async (Accept: string) =>
      (await history(id, '', { Accept })).headers['content-type']
    for (const accept of ['*/*', 'application/json', 'text/html', 'text/csv;q=0']) {
      expect(await typeFor(accept), accept).toBe('application/json')
    }
    expect(await typeFor('text/csv;q=0.2, application/x-ndjson')).toBe('application/x-ndjson')
    expect(await typeFor('text/csv, */*;q=0.1')).toBe('text/csv; charset=utf-8; header=present')
  })

  test('HEAD has the headers and asks for no entries', async () => {
    const id = await user('1')
    const response = await fetch(`${http.service.url}/users/${id}/history`, {
      method: 'HEAD',
      headers: csv,
    })
    expect(response.headers.get('content-type')).toContain('text/csv')
    expect(await response.text()).toBe('')
  })

  test('of 20,000 entries is whole while somebody writes', async () => {
    const id = await user()
    await load(id, 20_000)
    const [answer] = await Promise.all([
      history(id, '', ndjson),
      call('POST', `/users/${id}/debit`, { amount: 1 }),
    ])
    const lines = linesOf(answer.text)
    const closing = lines.at(-1) as { closing: { seq: number; hash: string } }
    expect(closing.closing.seq).toBeGreaterThanOrEqual(20_000)
    expect(lines.slice(1, -1).map(({ seq }) => seq))
      .toEqual(Array.from({ length: closing.closing.seq }, (_, n) => n + 1))
    expect(lines.at(-2)).toMatchObject({ hash: closing.closing.hash })
  })

  describe('without get_statement from some moment on', () => {
    let id: number

    beforeAll(async () => {
      id = await user()
      // More than the buffers between the service and its reader have room for.
      await load(id, 4_000, 'x'.repeat(8_000))
    })

    const start = async () => {
      const { status, body } = await fetch(`${http.service.url}/users/${id}/history`, {
        headers: ndjson,
      })
      expect(status).toBe(200)
      return body!.getReader()
    }
    const readAll = async (reader: ReadableStreamDefaultReader) => {
      while (!(await reader.read()).done) { /* Go on. */ }
    }
    const breaksOff = () => http.logged.filter((line) => line.includes('"code":"42883"')).length
    const remove = async () => {
      await http.sql`alter function ledger.get_statement rename to gone_statement`
      onTestFinished(async () => {
        await http.sql`alter function ledger.gone_statement rename to get_statement`
      })
    }

    const callsSoFar = async () => {
      const { text } = await call('GET', '/metrics')
      const count = /^ledger_database_call_duration_seconds_count\{call="get_statement"\} (\d+)/m
      return Number(count.exec(text)?.[1] ?? 0)
    }

    test('whoever has gone away has stopped the queries', async () => {
      const before = await callsSoFar()
      await start().then(readAll)
      const whole = await callsSoFar() - before
      const reader = await start()
      await reader.read()
      await reader.cancel()
      let calls = NaN
      // One that went on would be through before long.
      await vi.waitUntil(async () => calls === (calls = await callsSoFar()), { interval: 500 })
      expect(calls - before - whole).toBeLessThan(whole)
    })

    test('a statement is an error, not a short one', async () => {
      await remove()
      await expect(start().then(readAll)).rejects.toBeInstanceOf(Error)
      expect(breaksOff()).toBe(1)
    })

    test('whoever reads slowly sees that: nothing is gathered for them', async () => {
      const reader = await start()
      await reader.read()
      await remove()
      await expect(readAll(reader)).rejects.toBeInstanceOf(Error)
    })
  })
})
