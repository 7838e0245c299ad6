/** What is no fault of who asks. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../../../src/config/limits.ts'
import { answerOf, expectNothingWritten } from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import { appWith, call, debit, http } from './service.ts'

describe('what is our fault', () => {
  test('shows nothing of itself, and is reported once', async () => {
    const failures: unknown[] = []
    const error = Object.assign(new Error('select secret from users'), {
      code: '22P02',
      detail: 'Row (1, secret)',
    })
    expectProblem(await debit(appWith(() => Promise.reject(error), failures)), 'internal')
    expect(failures).toEqual([['/users/:id/debit', error]])
    expectProblem(
      await debit(appWith(() => Promise.reject(new TypeError('x is not y')))),
      'internal',
    )
  })

  test.each(['text', undefined, null, 7])('that is no Error but %j is one, too', async (thrown) => {
    const failures: unknown[] = []
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors
    const app = appWith(() => Promise.reject(thrown), failures)
    const answer = await debit(app)
    expectProblem(answer, 'internal')
    expect(failures).toEqual([['/users/:id/debit', thrown]])
    const metrics = await (await app.request('/metrics')).text()
    expect(metrics).toContain('user_debit_requests_total{outcome="internal"} 1\n')
    // What began to be observed has ended.
    expect(metrics).toMatch(/^http_request_duration_seconds_count\{.*"500".*\} 1$/m)
  })

  test('reads and writes that nobody can tell the end of are different things', async () => {
    const lost = Object.assign(new Error('lost'), { code: 'CONNECTION_CLOSED' })
    const failures: unknown[] = []
    const app = appWith(() => Promise.reject(lost), failures)
    expectProblem(await debit(app), 'outcome_unknown')
    expectProblem(await answerOf(await app.request('/users/1')), 'busy')
    expectProblem(
      await answerOf(await app.request('/users', { method: 'POST' })),
      'outcome_unknown',
    )
    // Whoever runs the service hears of each; the log says it once.
    expect(failures).toEqual(
      ['/users/:id/debit', '/users/:id', '/users'].map((route) => [route, lost]),
    )
  })

  test.each([
    ['is done', () => Promise.resolve({ snapshot: { id: 1 }, entry: { seq: 1 }, replayed: false })],
    ['fails', () => Promise.reject(new Error('too late'))],
  ])('what %s after its deadline was answered and counted before, once', async (_, end) => {
    const failures: unknown[] = []
    let finish = () => {}
    const finished = new Promise<void>((resolve) => finish = resolve)
    const write = () => finished.then(end as () => Promise<never>)
    const app = appWith(write, failures, { ...DEFAULT_LIMITS, requestDeadlineMs: 40 })
    expectProblem(await debit(app), 'busy')
    finish()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const metrics = await (await app.request('/metrics')).text()
    const counts = metrics.match(/^user_debit_requests_total.* [1-9]\d*$/gm)
    expect(counts).toEqual(['user_debit_requests_total{outcome="busy"} 1'])
    expect(failures).toEqual([])
  })

  test('not being ready says why', async () => {
    const app = appWith(() => Promise.reject(new Error('must not be called')))
    expectProblem(await answerOf(await app.request('/readyz')), 'busy', { detail: 'The reason.' })
    expect(await answerOf(await app.request('/livez'))).toMatchObject({ status: 200 })
  })
})

describe('a database without its functions', () => {
  let id: number
  let other: number

  beforeAll(async () => {
    id = await http.user('1')
    other = await http.user('1')
    await http.sql`alter function ledger.post rename to gone_post`
    await http.sql`alter function ledger.get_users rename to gone_users`
    await http.sql`alter function create_user rename to gone_user`
  })
  afterAll(async () => {
    await http.sql`alter function ledger.gone_post rename to post`
    await http.sql`alter function ledger.gone_users rename to get_users`
    await http.sql`alter function gone_user rename to create_user`
  })

  test('makes every route that needs them answer busy, and is one line in the log', async () => {
    const answers = await expectNothingWritten(http, async () => [
      await call('POST', `/users/${id}/debit`, { amount: 1 }),
      await call('POST', `/users/${id}/credit`, { amount: 1 }),
      await call('POST', `/users/${id}/recalculate`),
      await call('POST', '/users', {}),
      await call('GET', `/users/${other}`),
    ])
    for (const answer of answers) {
      expectProblem(answer, 'busy')
    }
    const errors = http.logged.filter((line) => line.includes('"level":"error"'))
    expect(errors).toEqual([expect.stringContaining('"code":"42883"')])
    expect(await call('GET', '/livez')).toMatchObject({ status: 200 })
  })
})

test('nothing of a refused request is logged', async () => {
  await call('POST', '/users/1/debit', '{"amount":')
  await call('POST', '/users/x/debit', { amount: 1 })
  await call('GET', '/nothing')
  expect(http.logged.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([])
})
