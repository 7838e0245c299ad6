/** Users whom somebody else holds: who waits for them, and who doesn't. */
import { expect, test, vi } from 'vitest'
import type { Outcome } from '../../../src/ledger/operations.ts'
import {
  busy,
  debit,
  lockedOf,
  ok,
  settled,
  setup,
  sqlError,
  transfer,
} from './write_queue_by_hand.ts'

const snapshot = { balance: '1.00', available: '1.00', seq: 1, updated_at: '' }
/** With the user as it is now. */
const seen = (userId: number) => ({
  userId,
  state: { snapshot: { id: userId, ...snapshot }, version: 1, read_at: '' },
})
/** Of a transfer to user 2, whom somebody else holds. */
const lockedPeer: Outcome = { ...busy, users: [seen(1), { userId: 2 }] }

test('a user whom somebody else holds waits in a call of its own, and the batches go on', async () => {
  const sizes: number[] = []
  const { calls, add } = setup({ onBatch: ({ size }) => sizes.push(size) })
  const locked = [add(debit(1)), add(debit(1))]
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
  expect(await Promise.all(locked)).toEqual(['busy', 'busy'])
  expect(calls).toHaveLength(3)
  expect(sizes).toEqual([3, 1, 2])
})

test('who comes while a user is waited for is sent again with everybody', async () => {
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
  expect(calls[2]).toMatchObject({ wait: false, items: [{ userId: 1 }] })
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
  calls[0]!.answer([lockedOf(1), lockedOf(2), lockedOf(3)])
  await settled()
  expect(calls.slice(1).map(({ items, wait }) => [items[0]!.userId, wait]))
    .toEqual([[1, true], [2, true]])
  await vi.waitUntil(() => calls.length === 4)
  calls[3]!.answer([lockedOf(3)])
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
  calls[0]!.answer([lockedOf(1), lockedOf(2)])
  await vi.waitUntil(() => calls.length === 3)
  clock.ms = 2001
  calls[2]!.answer([lockedOf(2)])
  expect(await answers[1]).toBe('busy')
  calls[1]!.answer([ok])
  expect(await answers[0]).toBe('ok')
})

test('a transfer to a user who is locked waits in no call, and holds nobody up', async () => {
  const { calls, add } = setup()
  const moved = add(transfer(1, 2))
  await settled()
  calls[0]!.answer([lockedPeer])
  await settled()
  const other = add(debit(1))
  await settled()
  expect(calls[1]).toMatchObject({ wait: false, items: [{ kind: 'debit', userId: 1 }] })
  calls[1]!.answer([ok])
  expect(await other).toBe('ok')
  // It is tried again, without waiting, until its users are free.
  await vi.waitUntil(() => calls.length === 3)
  expect(calls[2]).toMatchObject({ wait: false, items: [{ kind: 'transfer' }] })
  calls[2]!.answer([lockedPeer])
  await vi.waitUntil(() => calls.length === 4)
  calls[3]!.answer([ok])
  expect(await moved).toBe('ok')
})

test('an operation of two users waits for a moment only, at few of its tries', async () => {
  const waits: (number | undefined)[] = []
  const { add } = setup({
    post(operations, { wait, lockWaitMs }) {
      if (!wait) return Promise.resolve(operations.map(() => lockedPeer))
      waits.push(lockWaitMs)
      return waits.length === 1 ? Promise.reject(sqlError('55P03')) : Promise.resolve([ok])
    },
  })
  expect(await add(transfer(1, 2))).toBe('ok')
  expect(waits).toEqual([100, 100])
})

test('while many users are locked, none waits even for a moment', async () => {
  const locked = [2, 3, 4, 5].map((peer) => transfer(1, peer))
  let isFree = false
  let calls = 0
  const { add } = setup({
    waiting: 3,
    post(operations, { wait }) {
      expect(wait).toBe(false)
      calls++
      return Promise.resolve(
        operations.map(({ peerId }) =>
          isFree ? ok : { ...busy, users: [seen(1), { userId: peerId! }] }
        ),
      )
    },
  })
  const answers = locked.map((operation) => add(operation))
  // Each has been tried often enough to wait, were it alone.
  await vi.waitUntil(() => calls > 60)
  isFree = true
  expect(await Promise.all(answers)).toEqual(['ok', 'ok', 'ok', 'ok'])
})

test('after a call that waited, all that waits for the user is in one batch', async () => {
  const { calls, add } = setup()
  const answers = [add(debit(2))]
  await settled()
  calls[0]!.answer([lockedOf(2)])
  await settled()
  expect(calls[1]).toMatchObject({ wait: true })
  answers.push(add(transfer(1, 2)), add(debit(2)))
  await settled()
  expect(calls).toHaveLength(2)
  calls[1]!.answer([ok])
  await settled()
  expect(calls[2]).toMatchObject({ wait: false, items: [{ kind: 'transfer' }, { kind: 'debit' }] })
  calls[2]!.answer([ok, ok])
  expect(await Promise.all(answers)).toEqual(['ok', 'ok', 'ok'])
})

test('of a user who is locked one operation is tried, however many wait', async () => {
  const { calls, add } = setup()
  const answers = Array.from({ length: 50 }, () => add(transfer(1, 2)))
  await settled()
  calls[0]!.answer(answers.map(() => lockedPeer))
  await vi.waitUntil(() => calls.length === 2)
  expect(calls[1]!.items).toHaveLength(1)
  calls[1]!.answer([ok])
  await vi.waitUntil(() => calls.length === 3)
  expect(calls[2]!.items).toHaveLength(49)
  calls[2]!.answer(calls[2]!.items.map(() => ok))
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['ok']))
})

test('what the database posts in steps goes on at once', async () => {
  const { calls, add } = setup()
  const answer = add(debit(1))
  for (let n = 0; n < 3; n++) {
    await settled()
    expect(calls[n]).toMatchObject({ wait: false })
    calls[n]!.answer([{ ...busy, users: [seen(1)] }])
  }
  await settled()
  calls[3]!.answer([ok])
  expect(await answer).toBe('ok')
})

test('a reversal that met somebody else knows its other user from then on', async () => {
  const { calls, add } = setup({ maxBatch: 1 })
  const reversed = add({ kind: 'reverse', userId: 1, ref: 1 })
  await settled()
  calls[0]!.answer([lockedPeer])
  await vi.waitUntil(() => calls.length === 2)
  const other = add(debit(2))
  await settled()
  // They would meet in the database.
  expect(calls).toHaveLength(2)
  calls[1]!.answer([ok])
  await settled()
  calls[2]!.answer([ok])
  expect(await Promise.all([reversed, other])).toEqual(['ok', 'ok'])
})
