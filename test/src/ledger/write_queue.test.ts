/** What travels together, what is repeated, and how the queue ends. */
import { expect, test } from 'vitest'
import type { Outcome } from '../../../src/ledger/operations.ts'
import { WriteQueue } from '../../../src/ledger/write_queue.ts'
import {
  busy,
  type Call,
  debit,
  ok,
  settled,
  setup,
  sqlError,
  transfer,
} from './write_queue_by_hand.ts'

const lost = () => Object.assign(new Error('lost'), { code: 'CONNECTION_CLOSED' })
const refused = () => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })

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

test('no two batches in flight have a user in common, givers and takers alike', async () => {
  const { calls, add } = setup({ maxBatch: 2 })
  const answers = [add(transfer(1, 2)), add(debit(5))]
  await settled()
  answers.push(add(transfer(3, 2)), add(debit(2)), add(transfer(4, 1)), add(debit(6)))
  await settled()
  // All but one have to do with somebody in the first, and one alone waits for it, too.
  const users = () => calls.map(({ items }) => items.map(({ userId }) => userId))
  expect(users()).toEqual([[1, 5]])
  answers.push(add(debit(7)))
  await settled()
  expect(users().slice(1)).toEqual([[6, 7]])
  calls[1]!.answer([ok, ok])
  await settled()
  expect(calls).toHaveLength(2)
  calls[0]!.answer([ok, ok])
  await settled()
  expect(users().slice(2)).toEqual([[3, 2]])
  calls[2]!.answer([ok, ok])
  await settled()
  expect(users().slice(3)).toEqual([[4]])
  calls[3]!.answer([ok])
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
  // One by one, and still nobody else's.
  for (
    const settle of [
      () => calls[1]!.fail(sqlError('22P05')),
      () => calls[2]!.answer([ok]),
      () => calls[3]!.answer([ok]),
    ]
  ) {
    settle()
    await settled()
  }
  expect(calls.map(({ items, wait }) => [items.map(({ userId }) => userId), wait]))
    .toEqual([[[1, 3, 1], false], [[1], false], [[3], false], [[1], false]])
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
  const queue = new WriteQueue({
    batches: 1,
    waiting: 1,
    ledger: {
      post: (items, { wait }) => {
        calls.push(wait)
        // Somebody holds the user; meanwhile the request gets its answer.
        if (!wait) deadline.isOver = true
        return Promise.resolve(items.map((): Outcome => busy))
      },
    },
  })
  const item = { kind: 'debit' as const, userId: 1, amount: '1.00', deadline }
  await expect(queue.add(item)).rejects.toMatchObject({ code: 'busy' })
  expect([calls, deadline.isSent]).toEqual([[], false])
  deadline.isOver = false
  await expect(queue.add(item)).rejects.toMatchObject({ code: 'busy' })
  expect([calls, deadline.isSent]).toEqual([[false], false])
})
