import { describe, expect, test } from 'vitest'
import { expectAnswer, expectNothingWritten } from '../../support/http.ts'
import { expectProblem, invalid } from '../../support/problems.ts'
import { snapshotOf, useHttp } from '../../support/http.ts'

const http = useHttp()

const made = (id: number, details: object) => ({ ...snapshotOf(id, '0.00', 0), ...details })
const make = (body: unknown, key?: string) =>
  http.call('POST', '/users', body, key === undefined ? {} : { 'Idempotency-Key': key })
const idOf = ({ body }: { body: unknown }) => (body as { id: number }).id
const countUsers = async () => Number((await http.sql`select count(*) from users`)[0]!['count'])

describe('POST /users', () => {
  test('makes one user for a reference, and answers 200 from then on', async () => {
    const body = { reference: 'shop:1', metadata: { plan: 'gold' } }
    const first = await make(body)
    const id = idOf(first)
    expectAnswer(first, 201, made(id, body), { location: `/users/${id}` })
    await http.call('POST', `/users/${id}/credit`, { amount: 5 })
    const found = { ...snapshotOf(id, '5.00', 1), ...body }
    for (const again of [body, { id, ...body }]) expectAnswer(await make(again), 200, found)
  })

  test('makes one user for a key, and gives the first answer again', async () => {
    const first = await make({}, 'new-1')
    const id = idOf(first)
    await http.call('POST', `/users/${id}/credit`, { amount: 5 })
    const again = await make({}, 'new-1')
    expectAnswer(again, 201, made(id, {}), {
      location: `/users/${id}`,
      'idempotency-replayed': 'true',
    })
    expect(again.text).toBe(first.text)
  })

  test('makes one user for ten concurrent repeats', async () => {
    const before = await countUsers()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => make({ reference: 'at once' }, 'at-once')),
    )
    expect(new Set(answers.map(idOf)).size).toBe(1)
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201))
    expect(answers.filter(({ headers }) => headers['idempotency-replayed']).length).toBe(9)
    expect(await countUsers()).toBe(before + 1)
  })

  test.each([
    [{ reference: 'r' }, undefined],
    [{ reference: 'r', metadata: { a: 2 } }, undefined],
    [{ id: 1, reference: 'r', metadata: { a: 1 } }, undefined],
    [{ id: 77_000, metadata: { a: 1 } }, undefined],
    [{}, 'k'],
    [{ reference: 'other', metadata: { a: 1 } }, 'k'],
    [{ id: 77_001, reference: 'r', metadata: { a: 1 } }, 'k'],
  ])('refuses %o with the key %s, which was something else', async (body, key) => {
    await make({ id: 77_000, reference: 'r', metadata: { a: 1 } }, 'k')
    const before = await countUsers()
    const answer = await expectNothingWritten(http, () => make(body, key))
    expectProblem(answer, 'idempotency_key_reused', {
      detail: 'A user was made with this key, reference or id, but as something else.',
    })
    expect(await countUsers()).toBe(before)
  })

  test.each([
    [''],
    [' a'],
    ['a '],
    ['a\nb'],
    ['\u007f'],
    ['\u0085'],
    ['ä'.repeat(256)],
    [7],
    [null],
  ])('refuses the reference %j', async (reference) => {
    const answer = await expectNothingWritten(http, () => make({ reference }))
    expectProblem(
      answer,
      'invalid_request',
      invalid(
        'reference',
        'must be 1 to 255 characters without control characters, and no space at either end',
      ),
    )
  })

  test.each(['a', '😀'.repeat(255), 'name with spaces', '"quoted" & <b>', "'; --"])(
    'takes the reference %s, and finds it',
    async (reference) => {
      const answer = await make({ reference })
      expect(answer).toMatchObject({ status: 201, body: { reference } })
      const found = await http.call('GET', `/users?reference=${encodeURIComponent(reference)}`)
      expect(found.body).toMatchObject({ users: [{ id: idOf(answer), reference }], next: null })
    },
  )
})

describe('GET /users', () => {
  test('goes through all users, page by page', async () => {
    for (let n = 0; n < 5; n++) await make({})
    const ids: number[] = []
    let next: number | null = 0
    while (next !== null) {
      const path: string = next === 0 ? '/users?limit=2' : `/users?limit=2&after=${next}`
      const { body } = await http.call('GET', path)
      const page = body as { users: { id: number }[]; next: number | null }
      expect(page.users.length).toBeLessThanOrEqual(2)
      ids.push(...page.users.map(({ id }) => id))
      next = page.next
    }
    const all = await http.sql`select id from users order by id`
    expect(ids).toEqual(all.map(({ id }) => Number(id)))
  })

  test('says what each user has, and was made as', async () => {
    const body = { reference: 'listed', metadata: { n: 1 } }
    const id = idOf(await make(body))
    await http.call('POST', `/users/${id}/credit`, { amount: 9 })
    await http.call('POST', `/users/${id}/holds`, { amount: 2 })
    expectAnswer(await http.call('GET', '/users?reference=listed'), 200, {
      users: [{ ...snapshotOf(id, '9.00', 1, '7.00'), ...body, created_at: 'TIME' }],
      next: null,
    })
    expectAnswer(await http.call('GET', '/users?reference=LISTED'), 200, { users: [], next: null })
  })

  test.each(['after=-1', 'after=0', 'after=1.5', 'limit=0', 'limit=1001', 'reference='])(
    'refuses %s',
    async (query) => {
      const answer = await http.call('GET', `/users?${query}`)
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    },
  )
})
