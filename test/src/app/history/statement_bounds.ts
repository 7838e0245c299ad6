/** Where statements begin and end. */
import { describe, expect, test, vi } from 'vitest'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { BAD_MOMENTS, call, history, http, MOMENT, user } from './service.ts'

describe('statements', () => {
  const ndjson = { Accept: 'application/x-ndjson' }
  const csv = { Accept: 'text/csv' }
  const HEADER = 'kind,seq,action,amount,balance,ts,posted_at,held,idempotency_key,metadata,' +
    'transfer_user_id,transfer_seq,reverses,reversed_by,hold,hash,erased_by,archived_by'

  const linesOf = (text: string) =>
    text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)

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
})
