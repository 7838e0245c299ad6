import { expect, test } from 'vitest'
import { createApp, type Dependencies } from '../../../src/app/app.ts'
import { Problem } from '../../../src/core/errors.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import type { Write } from '../../../src/ledger/write.ts'
import { createRates } from '../../../src/http/rate_limit.ts'
import { type Answer, useHttp } from '../../support/http.ts'
import { expectProblem } from '../../support/problems.ts'

const http = useHttp({ rateLimit: 3, rateLimitSeconds: 60 })

test('takes so many at once, then one for each share of the window', () => {
  let time = 0
  const take = createRates({ requests: 4, seconds: 2 }, () => time)
  const taken = () => {
    const { isOver, remaining, waitMs } = take('a')
    return isOver ? `wait ${waitMs}` : `left ${remaining}`
  }
  expect([taken(), taken(), taken(), taken()]).toEqual(['left 3', 'left 2', 'left 1', 'left 0'])
  expect([taken(), taken()]).toEqual(['wait 500', 'wait 500'])
  time = 499
  expect(taken()).toBe('wait 1')
  time = 500
  expect([taken(), taken()]).toEqual(['left 0', 'wait 500'])
  // Others have their own.
  expect(take('b')).toMatchObject({ isOver: false, remaining: 3 })
  time = 60_000
  expect([taken(), taken()]).toEqual(['left 3', 'left 2'])
})

test('whoever sends at the even rate is never refused, whatever the fractions', () => {
  let time = 0
  const take = createRates({ requests: 7, seconds: 3 }, () => time)
  for (let n = 0; n < 6; n++) take('a')
  for (let n = 0; n < 10_000; n++, time += 3000 / 7) expect(take('a').isOver).toBe(false)
})

test('a wait has no rounding errors, whatever the clock says', () => {
  for (let n = 1; n <= 1000; n++) {
    const time = n * 10_000 * Math.PI
    const take = createRates({ requests: 3, seconds: 60 }, () => time)
    expect(take('a')).toEqual({ isOver: false, remaining: 2, waitMs: 20_000 })
  }
})

test('remembers the last 10,000 callers', () => {
  const take = createRates({ requests: 1, seconds: 60 }, () => 0)
  for (let n = 0; n < 10_001; n++) take(`caller ${n}`)
  expect(take('caller 1').isOver).toBe(true)
  expect(take('caller 0').isOver).toBe(false)
})

test('what counts for more is taken while there is room for one, and owed', () => {
  let time = 0
  const take = createRates({ requests: 4, seconds: 2 }, () => time)
  expect(take('a', { count: 3 })).toEqual({ isOver: false, remaining: 1, waitMs: 1500 })
  expect(take('a', { count: 10 })).toEqual({ isOver: false, remaining: 0, waitMs: 6500 })
  expect(take('a', { count: 10 })).toEqual({ isOver: true, remaining: 0, waitMs: 5000 })
  expect(take('a')).toEqual({ isOver: true, remaining: 0, waitMs: 5000 })
  time = 5000
  expect(take('a')).toEqual({ isOver: false, remaining: 0, waitMs: 2000 })
})

const limits = async (path: string) => {
  const { headers, status, body } = await fetch(http.service.url + path)
  await body?.cancel()
  return [
    status,
    headers.get('RateLimit-Policy'),
    headers.get('RateLimit'),
    headers.get('Retry-After'),
  ]
}

test('over HTTP the fourth of three is rate_limited; whoever watches the service is not', async () => {
  const policy = '"default";q=3;w=60'
  expect(await limits('/users/1')).toEqual([200, policy, '"default";r=2;t=20', null])
  // Seconds may go by between these.
  const left = (count: number) => expect.stringMatching(`^"default";r=${count};t=\\d\\d?$`)
  const seconds = expect.stringMatching(/^\d\d?$/)
  expect(await limits('/nothing')).toEqual([404, policy, left(1), null])
  expect(await limits('/users/1')).toEqual([200, policy, left(0), null])
  expect(await limits('/users/1')).toEqual([429, policy, left(0), seconds])
  const answer: Answer = await http.call('POST', '/users/1/credit', { amount: 1 })
  expectProblem(answer, 'rate_limited', {}, { 'retry-after': seconds })
  for (const path of ['/livez', '/readyz', '/metrics']) {
    expect(await limits(path)).toEqual([200, null, null, null])
  }
})

test('each item of a list of debits counts as a request', async () => {
  const rate = { requests: 3, seconds: 60 }
  const taken: number[] = []
  const write: Write = ({ userId }) => {
    taken.push(userId)
    return Promise.reject(new Problem('unknown_user'))
  }
  const app = createApp(
    { write, rate, metrics: createMetrics(), onFailure: () => {} } as unknown as Dependencies,
  )
  const debits = async (count: number) => {
    const { status, headers } = await app.request('/debits', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(Array.from({ length: count }, () => ({ user_id: 1, amount: 1 }))),
    })
    return [status, headers.get('RateLimit'), headers.get('Retry-After')]
  }
  expect(await debits(2)).toEqual([200, '"default";r=1;t=40', null])
  expect(taken).toHaveLength(2)
  // There is room for its first item, and none for one more.
  expect(await debits(3)).toEqual([429, '"default";r=0;t=20', '20'])
  expect(await debits(1)).toEqual([429, '"default";r=0;t=20', '20'])
  expect(taken).toHaveLength(2)
})
