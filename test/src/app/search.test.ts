import { beforeAll, describe, expect, test } from 'vitest'
import { type Answer, useHttp } from '../../support/http.ts'
import { expectProblem, invalid } from '../../support/problems.ts'

const http = useHttp()
let id: number
let after: string

beforeAll(async () => {
  id = await http.user(100)
  const { sql } = http
  await sql`select debit_user(${id}, 1, 'order-17', '{"order": 17, "kind": "a"}')`
  await sql`select debit_user(${id}, 2, 'order-18', '{"order": "18", "kind": "a", "deep": {"a": 1}}')`
  const [row] = await sql`select sealed_at::text as at from payment_history
    where user_id = ${id} and seq = 3`
  after = (row!['at'] as string).replace(' ', 'T').replace(/\+00$/, 'Z')
  await sql`select credit_user(${id}, 3, null, '{"kind": "b"}')`
  await sql`select place_hold(${id}, 5, null, 'hold-1', '{"n": 1}'), place_hold(${id}, 6, 3600)`
  await sql`select place_hold(${id}, 7, 0.001), place_hold(${id}, 8)`
  await sql`select release_hold(${id}, 2, 'back'), capture_hold(${id}, 4)` // 5
})

const seqs = ({ body }: Answer) =>
  (body as { entries: { seq: number }[] }).entries.map(({ seq }) => seq)
const history = (query: string) => http.call('GET', `/users/${id}/history?${query}`)

describe('GET /users/:id/history', () => {
  test.each([
    ['action=DEBIT', [5, 3, 2]],
    ['action=CREDIT', [4, 1]],
    ['action=DEBIT&limit=2', [5, 3]],
    ['action=DEBIT&before=3', [2]],
    ['key=order-17', [2]],
    ['key=order-17&action=CREDIT', []],
    ['key=nothing', []],
    ['metadata.order=17', [2]],
    ['metadata.order=18', [3]],
    ['metadata.kind=a', [3, 2]],
    ['metadata.kind=a&metadata.order=18', [3]],
    ['metadata.order=', []],
    ['metadata.nothing=1', []],
    ['metadata.deep=%7B%22a%22%3A+1%7D', [3]],
    ['metadata.__proto__=1', []],
  ])('?%s gives the entries that fit', async (query, expected) => {
    const answer = await history(query)
    expect(answer.status, answer.text).toBe(200)
    expect(seqs(answer)).toEqual(expected)
  })

  test('takes from and to, which end and begin where statements do', async () => {
    const at = encodeURIComponent(after)
    expect(seqs(await history(`to=${at}`))).toEqual([3, 2, 1])
    expect(seqs(await history(`from=${at}`))).toEqual([5, 4])
    expect(seqs(await history(`from=2000-01-01T00:00:00Z&to=${at}&action=DEBIT`))).toEqual([3, 2])
    expect(seqs(await history(`to=${at}&before=3`))).toEqual([2, 1])
    expectProblem(
      await history('to=2999-01-01T00:00:00Z'),
      'invalid_request',
      invalid('to', 'must not be in the future'),
    )
  })

  test('pages go on where the one before ended', async () => {
    const first = await history('action=DEBIT&limit=2')
    const { next } = first.body as { next: number }
    expect(next).toBe(3)
    const second = await history(`action=DEBIT&limit=2&before=${next}`)
    expect(second.body).toMatchObject({ entries: [{ seq: 2 }], next: null })
  })

  test.each([
    'action=debit',
    'key=a%20b',
    'metadata.=1',
    'metadata=1',
    'metadata.a=%00',
    'metadata.%00=1',
    'metadata.a=1&metadata.a=2',
    'metadatas.a=1',
    'after=1',
    Array.from({ length: 11 }, (_, n) => `metadata.a${n}=1`).join('&'),
  ])('?%s is refused', async (query) => {
    const answer = await history(query)
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })

  test.each(['action=DEBIT', 'key=a', 'metadata.a=1', 'limit=1', 'before=2'])(
    'as a statement, ?%s is refused',
    async (query) => {
      const path = `/users/${id}/history?${query}`
      const answer = await http.call('GET', path, undefined, { Accept: 'text/csv' })
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    },
  )

  test('a page looks at 10,000 entries, and says where the next one goes on', async () => {
    const many = await http.user()
    await http.sql`select credit_user(${many}, 1, 'first', '{"rare": 1}')`
    await http.sql`insert into payment_history (user_id, action, amount)
      select ${many}, 'CREDIT', 1 from generate_series(1, 10500)`
    await http.sql`select recalculate_balance(${many})`
    const ask = async (query: string) =>
      (await http.call('GET', `/users/${many}/history?metadata.rare=1${query}`)).body
    expect(await ask('')).toEqual({ entries: [], next: 502 })
    expect(await ask('&before=502')).toMatchObject({ entries: [{ seq: 1 }], next: null })
  })
})

describe('GET /users/:id/holds', () => {
  const list = async (query: string) => {
    const { body } = await http.call('GET', `/users/${id}/holds?${query}`)
    const { holds, next } = body as { holds: { hold: number; status: string }[]; next: number }
    return [holds.map(({ hold, status }) => `${hold} ${status}`), next]
  }

  test.each([
    ['', ['1 active', '2 released', '3 expired', '4 captured'], null],
    ['status=active', ['1 active'], null],
    ['status=released', ['2 released'], null],
    ['status=expired', ['3 expired'], null],
    ['status=captured', ['4 captured'], null],
    ['limit=2', ['1 active', '2 released'], 2],
    ['limit=2&after=2', ['3 expired', '4 captured'], null],
    ['key=hold-1', ['1 active'], null],
    ['key=back', ['2 released'], null],
    ['key=back&status=active', [], null],
  ])('?%s', async (query, holds, next) => {
    expect(await list(query)).toEqual([holds, next])
  })

  test('shows all there is to know of a hold', async () => {
    const { body } = await http.call('GET', `/users/${id}/holds/1`)
    expect(body).toEqual({
      hold: 1,
      user_id: id,
      amount: '5.00',
      status: 'active',
      expires_at: null,
      available: '95.00',
      captured: '0.00',
      remaining: '5.00',
      idempotency_key: 'hold-1',
      metadata: { n: 1 },
      created_at: 'TIME',
    })
    expect((await http.call('GET', `/users/${id}/holds/2`)).body)
      .toMatchObject({ status: 'released', closed_at: 'TIME' })
    expectProblem(await http.call('GET', `/users/${id}/holds/99`), 'unknown_hold')
    expectProblem(await http.call('GET', '/users/4711/holds/1'), 'unknown_user')
    expectProblem(await http.call('GET', '/users/4711/holds'), 'unknown_user')
  })

  test.each(['status=open', 'limit=0', 'after=0', 'key=', 'metadata.a=1'])(
    '?%s is refused',
    async (query) => {
      expect((await http.call('GET', `/users/${id}/holds?${query}`)).status).toBe(400)
    },
  )
})

describe('GET /entries', () => {
  test('has the entries of everybody, newest first, page by page', async () => {
    const other = await http.user(1)
    await http.sql`select transfer(${id}, ${other}, 1)`
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 9)`
    const wanted = await http.sql`
      select id, user_id, seq from payment_history where seq is not null order by id desc`
    const got: { position: number; user_id: number; seq: number }[] = []
    for (let path: string | undefined = '/entries?limit=4'; path !== undefined;) {
      const { body } = await http.call('GET', path)
      const page = body as { entries: typeof got; next: number | null }
      got.push(...page.entries)
      path = page.next === null ? undefined : `/entries?limit=1000&before=${page.next}`
    }
    const named = (row: { position: unknown; user_id: unknown; seq: unknown }) =>
      [row.position, row.user_id, row.seq].map(Number)
    expect(got.map(named))
      .toEqual(wanted.map((row) => [row['id'], row['user_id'], row['seq']].map(Number)))
    expect(got[0]).toMatchObject({ user_id: other, action: 'CREDIT', transfer: { user_id: id } })
  })
})
