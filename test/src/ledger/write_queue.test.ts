import { expect, test, vi } from 'vitest'
import { Problem } from '../../../src/errors.ts'
import type { Operation, Outcome } from '../../../src/ledger/operations.ts'
import { createWriteQueue } from '../../../src/ledger/write_queue.ts'

const debit = (userId: number, key?: string): Operation => ({
  kind: 'debit',
  userId,
  amount: '1',
  key,
})
const ok: Outcome = { status: 'ok', replayed: false, users: [{ userId: 1 }] }
const busy: Outcome = { status: '55P03', replayed: false, users: [{ userId: 1 }] }
const lost = () => Object.assign(new Error('lost'), { code: 'CONNECTION_CLOSED' })
const refused = () => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
const sqlError = (code: string) => Object.assign(new Error('sql'), { code, severity: 'ERROR' })

interface Call {
  items: Operation[]
  wait: boolean
  answer: (outcomes: Outcome[]) => void
  fail: (error: Error) => void
}

/** A queue whose database is the test: nothing happens before the test says so. */
function setup(options: Partial<Parameters<typeof createWriteQueue>[0]> = {}) {
  const calls: Call[] = []
  const clock = { ms: 0 }
  const queue = createWriteQueue({
    batches: 2,
    waiting: 2,
    now: () => clock.ms,
    post: (items, { wait }) =>
      new Promise((answer, fail) => calls.push({ items, wait, answer, fail })),
    ...options,
  })
  const codeOf = (answer: Promise<Outcome>) =>
    answer.then(({ status }) => status, (error: Problem) => error.code)
  return { queue, calls, clock, codeOf, add: (item: Operation) => codeOf(queue.add(item)) }
}

/** Lets everything happen that can happen without the test. */
const settled = async () => {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

test('what comes meanwhile travels together; another call is made once it is full', async () => {
  const { calls, add } = setup({ maxBatch: 2 })
  const usersOf = () => calls.map(({ items }) => items.map(({ userId }) => userId))
  const answers = [add(debit(1))]
  await settled()
  answers.push(add(debit(2)), add(debit(1)))
  await settled()
  expect(usersOf()).toEqual([[1]])
  answers.push(add(debit(3)))
  await settled()
  // Not user 1, who is in the first: they would wait for each other.
  expect(usersOf()).toEqual([[1], [2, 3]])
  calls[0]!.answer([ok])
  await settled()
  expect(usersOf()).toEqual([[1], [2, 3]])
  calls[1]!.answer([ok, ok])
  await settled()
  expect(usersOf()).toEqual([[1], [2, 3], [1]])
  calls[2]!.answer([ok])
  expect(await Promise.all(answers)).toEqual(['ok', 'ok', 'ok', 'ok'])
})

test('a user whom somebody else holds waits in a call of its own, and the batches go on', async () => {
  const sizes: number[] = []
  const { calls, add } = setup({ onBatch: (size) => sizes.push(size) })
  const held = [add(debit(1)), add(debit(1))]
  const other = add(debit(3))
  await settled()
  calls[0]!.answer([busy, ok, busy])
  expect(await other).toBe('ok')
  await settled()
  expect(calls[1]).toMatchObject({ wait: true })
  expect(calls[1]!.items.map(({ userId }) => userId)).toEqual([1, 1])

  const next = add(debit(3))
  await settled()
  expect(calls[2]).toMatchObject({ wait: false })
  calls[2]!.answer([ok])
  expect(await next).toBe('ok')

  calls[1]!.fail(sqlError('55P03'))
  expect(await Promise.all(held)).toEqual(['busy', 'busy'])
  expect(calls).toHaveLength(3)
  expect(sizes).toEqual([3, 2, 1])
})

test('who comes while a user is waited for waits with the others, and no batch tries again', async () => {
  const { calls, add } = setup()
  const first = add(debit(1))
  await settled()
  calls[0]!.answer([busy])
  await settled()
  const second = add(debit(1))
  await settled()
  expect(calls).toHaveLength(2)
  calls[1]!.answer([ok])
  await settled()
  expect(calls[2]).toMatchObject({ wait: true, items: [{ userId: 1 }] })
  calls[2]!.answer([ok])
  expect(await Promise.all([first, second])).toEqual(['ok', 'ok'])

  const later = add(debit(1))
  await settled()
  expect(calls[3]).toMatchObject({ wait: false })
  calls[3]!.answer([ok])
  expect(await later).toBe('ok')
})

test('who gets no call that waits is tried again without waiting', async () => {
  const { calls, add } = setup({ batches: 1 })
  const answers = [1, 2, 3].map((id) => add(debit(id)))
  await settled()
  calls[0]!.answer([busy, busy, busy])
  await settled()
  expect(calls.slice(1).map(({ items, wait }) => [items[0]!.userId, wait]))
    .toEqual([[1, true], [2, true]])
  await vi.waitUntil(() => calls.length === 4)
  calls[3]!.answer([busy])
  await vi.waitUntil(() => calls.length === 5)
  expect(calls.slice(3).map(({ items, wait }) => [items[0]!.userId, wait]))
    .toEqual([[3, false], [3, false]])
  calls[4]!.answer([ok])
  expect(await answers[2]).toBe('ok')
  calls[1]!.answer([ok])
  calls[2]!.answer([ok])
  expect(await Promise.all(answers)).toEqual(['ok', 'ok', 'ok'])
})

test('who waited too long for somebody else is busy', async () => {
  const { calls, clock, add } = setup({ batches: 1, waiting: 1 })
  const answers = [1, 2].map((id) => add(debit(id)))
  await settled()
  calls[0]!.answer([busy, busy])
  await vi.waitUntil(() => calls.length === 3)
  clock.ms = 2000
  calls[2]!.answer([busy])
  expect(await answers[1]).toBe('busy')
  calls[1]!.answer([ok])
  expect(await answers[0]).toBe('ok')
})

test('no two batches in flight have a user in common, givers and takers alike', async () => {
  const { calls, add } = setup({ maxBatch: 2 })
  const transfer = (userId: number, peerId: number): Operation => (
    { kind: 'transfer', userId, peerId, amount: '1' }
  )
  const answers = [add(transfer(1, 2)), add(debit(5))]
  await settled()
  answers.push(add(transfer(3, 2)), add(debit(2)), add(transfer(4, 1)), add(debit(6)))
  await settled()
  // All but one have to do with somebody in the first.
  expect(calls.map(({ items }) => items.map(({ userId }) => userId))).toEqual([[1, 5], [6]])
  calls[1]!.answer([ok])
  await settled()
  expect(calls).toHaveLength(2)
  calls[0]!.answer([ok, ok])
  await settled()
  const rest = calls.slice(2).flatMap(({ items }) => items.map(({ userId }) => userId))
  expect(rest.sort()).toEqual([2, 3])
  calls[2]!.answer(calls[2]!.items.map(() => ok))
  await settled()
  for (const call of calls.slice(3)) call.answer(call.items.map(() => ok))
  await settled()
  expect(await Promise.all(answers)).toEqual(answers.map(() => 'ok'))
})

test('a batch whose fate is unknown is repeated only for items with a key', async () => {
  const { calls, add } = setup()
  const [keyed, bare] = [add(debit(1, 'k')), add(debit(3))]
  await settled()
  calls[0]!.fail(lost())
  expect(await bare).toBe('outcome_unknown')
  await settled()
  expect(calls).toHaveLength(2)
  expect(calls[1]!.items.map(({ key }) => key)).toEqual(['k'])
  calls[1]!.answer([{ ...ok, replayed: true }])
  expect(await keyed).toBe('ok')
})

test.each([
  ['could not connect', (call: Call) => call.fail(refused())],
  ['was lost, too', (call: Call) => call.fail(lost())],
  ['found the user busy', (call: Call) => call.answer([busy])],
  ['ran out of time', (call: Call) => call.fail(sqlError('57014'))],
])('after a batch of unknown fate, a repeat that %s leaves it unknown', async (_, repeat) => {
  const { calls, add } = setup()
  const answer = add(debit(1, 'k'))
  await settled()
  calls[0]!.fail(lost())
  await settled()
  repeat(calls[1]!)
  expect(await answer).toBe('outcome_unknown')
})

test('a statement that was never sent is busy, and not repeated', async () => {
  const { calls, add } = setup()
  const answers = [add(debit(1, 'k')), add(debit(1))]
  await settled()
  calls[0]!.fail(refused())
  expect(await Promise.all(answers)).toEqual(['busy', 'busy'])
  expect(calls).toHaveLength(1)
})

test('an item that PostgreSQL cannot take does not fail its neighbours', async () => {
  const { calls, add } = setup()
  const answers = [add(debit(1)), add(debit(3)), add(debit(1))]
  await settled()
  calls[0]!.fail(sqlError('22P05'))
  await settled()
  expect(calls.slice(1).map(({ items }) => items.length)).toEqual([2, 1])
  calls[2]!.answer([ok])
  calls[1]!.fail(sqlError('22P05'))
  await settled()
  calls[3]!.fail(sqlError('22P05'))
  await settled()
  calls[4]!.answer([ok])
  expect(await Promise.all(answers)).toEqual(['internal', 'ok', 'ok'])
})

test('a full queue answers busy at once', async () => {
  const { calls, add } = setup({ batches: 1, maxBatch: 1, maxQueue: 2 })
  const first = add(debit(1))
  await settled()
  const waiting = [add(debit(1)), add(debit(1))]
  expect(await add(debit(1))).toBe('busy')
  expect(calls).toHaveLength(1)
  for (let i = 0; i < 3; i++) {
    calls[i]!.answer([ok])
    await settled()
  }
  expect(await Promise.all([first, ...waiting])).toEqual(['ok', 'ok', 'ok'])
})

test('idle() settles when everything is answered', async () => {
  const { queue, calls, add } = setup()
  const answer = add(debit(1))
  let idle = false
  const waited = queue.idle().then(() => idle = true)
  await settled()
  expect(idle).toBe(false)
  calls[0]!.answer([ok])
  await waited
  expect(await answer).toBe('ok')
})

test('posts nothing of an item that has its answer, and says when one was sent', async () => {
  const deadline = { isOver: true, isSent: false, release() {}, restart() {} }
  const calls: boolean[] = []
  const queue = createWriteQueue({
    batches: 1,
    waiting: 1,
    post: (items, { wait }) => {
      calls.push(wait)
      // Somebody holds the user; meanwhile the request gets its answer.
      if (!wait) deadline.isOver = true
      return Promise.resolve(items.map((): Outcome => busy))
    },
  })
  const item = { kind: 'debit' as const, userId: 1, amount: '1.00', deadline }
  await expect(queue.add(item)).rejects.toMatchObject({ code: 'busy' })
  expect([calls, deadline.isSent]).toEqual([[], false])
  deadline.isOver = false
  await expect(queue.add(item)).rejects.toMatchObject({ code: 'busy' })
  expect([calls, deadline.isSent]).toEqual([[false], false])
})
