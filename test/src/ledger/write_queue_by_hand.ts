/** A queue whose database is the test, and what that answers. */
import { Problem } from '../../../src/core/errors.ts'
import type { Operation, Outcome } from '../../../src/ledger/operations.ts'
import { WriteQueue, type WriteQueueOptions } from '../../../src/ledger/write_queue.ts'

export const debit = (userId: number, key?: string): Operation => ({
  kind: 'debit',
  userId,
  amount: '1',
  key,
})
export const ok: Outcome = { status: 'ok', replayed: false, users: [{ userId: 1 }] }
/** Somebody else holds this user. */
export const lockedOf = (userId: number): Outcome => ({
  status: '55P03',
  replayed: false,
  users: [{ userId }],
})
export const busy = lockedOf(1)
export const transfer = (userId: number, peerId: number, key?: string): Operation => ({
  kind: 'transfer',
  userId,
  peerId,
  amount: '1',
  key,
})
export const sqlError = (code: string) =>
  Object.assign(new Error('sql'), { code, severity: 'ERROR' })

export interface Call {
  items: Operation[]
  wait: boolean
  answer: (outcomes: Outcome[]) => void
  fail: (error: Error) => void
}

/** A queue whose database is the test: nothing happens before the test says so. */
export function setup(
  { post, ...options }: Partial<WriteQueueOptions> & {
    post?: WriteQueueOptions['ledger']['post']
  } = {},
) {
  const calls: Call[] = []
  const clock = { ms: 0 }
  const queue = new WriteQueue({
    batches: 2,
    waiting: 2,
    now: () => clock.ms,
    ledger: {
      post: post ??
        ((items, { wait }) =>
          new Promise((answer, fail) => calls.push({ items, wait, answer, fail }))),
    },
    ...options,
  })
  const codeOf = (answer: Promise<Outcome>) =>
    answer.then(({ status }) => status, (error: Problem) => error.code)
  return { queue, calls, clock, codeOf, add: (item: Operation) => codeOf(queue.add(item)) }
}

/** Lets everything happen that can happen without the test. */
export const settled = async () => {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}
