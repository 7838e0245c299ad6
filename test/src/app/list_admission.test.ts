/** How much of the lists of debits is in the queue at once, with a queue that answers when told. */
import { expect, test } from 'vitest'
import { createApp, type Dependencies } from '../../../src/app/app.ts'
import { Problem } from '../../../src/core/errors.ts'
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import type { Outcome } from '../../../src/ledger/operations.ts'

interface Queued {
  userId: number
  answer: () => void
}

/** An app before a queue of this size. */
function appBefore(maxQueue: number) {
  const queued: Queued[] = []
  const begun: number[] = []
  const app = createApp(
    {
      limits: { ...DEFAULT_LIMITS, maxQueue, requestDeadlineMs: 60_000 },
      metrics: createMetrics(),
      onFailure: () => {},
      write: ({ userId, amount }: { userId: number; amount: string }) =>
        new Promise<Outcome>((_, reject) => {
          begun.push(Number(amount))
          const answer = () => reject(new Problem('unknown_user'))
          queued.push({ userId, answer })
        }),
    } as unknown as Dependencies,
  )
  const debits = async (userIds: number[], peer = '::1') => {
    const response = await app.fetch(
      new Request('http://ledger.test/debits', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(userIds.map((user_id, n) => ({ user_id, amount: n + 1 }))),
      }),
      { peer },
    )
    return (await response.json() as { results: { code: string }[] }).results
  }
  const count = (userId?: number) =>
    queued.filter((one) => userId === undefined || one.userId === userId).length
  return { queued, begun, debits, count }
}

const users = (length: number, of: (n: number) => number) => Array.from({ length }, (_, n) => of(n))

async function answerAll(queued: Queued[], lists: Promise<{ code: string }[]>[]) {
  let isDone = false
  const done = Promise.all(lists).then((results) => {
    isDone = true
    return results
  })
  await expect.poll(() => {
    for (const { answer } of queued.splice(0)) answer()
    return isDone
  }, { interval: 5 }).toBe(true)
  return await done
}

test('the lists of one user leave room in the queue for others', async () => {
  const { queued, begun, debits, count } = appBefore(10_000)
  const lists = users(5, () => 1).map(() => debits(users(1000, () => 1)))
  await expect.poll(() => count(1)).toBe(256)
  // Of the same caller, even.
  const other = debits(users(10, () => 2))
  await expect.poll(() => count(2)).toBe(10)
  expect(count(1)).toBe(256)
  const results = await answerAll(queued, [...lists, other])
  expect(results.map(({ length }) => length)).toEqual([1000, 1000, 1000, 1000, 1000, 10])
  expect(new Set(results.flat().map(({ code }) => code))).toEqual(new Set(['unknown_user']))
  // Each list in its order.
  expect(begun.slice(0, 256)).toEqual(users(256, (n) => n + 1))
})

test('the lists of one caller leave room in the queue for others', async () => {
  const { queued, debits, count } = appBefore(400)
  const list = debits(users(1000, (n) => n + 1))
  await expect.poll(() => count()).toBe(100)
  const other = debits(users(50, (n) => n + 2001), '10.0.0.1')
  await expect.poll(() => count()).toBe(150)
  const results = await answerAll(queued, [list, other])
  expect(new Set(results.flat().map(({ code }) => code))).toEqual(new Set(['unknown_user']))
})
