/** One operation that waits for a locked user, and queues of them. */
import { WaitExpired } from '../core/batcher.ts'
import { Problem } from '../core/errors.ts'
import { BUSY, lockedUserOf, type Operation, type Outcome } from './operations.ts'

/** An operation that waits for a locked user. */
export interface Waiting {
  operation: Operation
  /** By the clock of LockWaiters. */
  until: number
  resolve: (outcome: Outcome | undefined) => void
  reject: (error: unknown) => void
}

/** Whether an operation may touch two users. */
export const isOfTwo = ({ kind }: Operation): boolean => kind === 'transfer' || kind === 'reverse'

/** Removes matching operations from the queue, at most `max`. */
export function takeOf(queue: Waiting[], isTaken: (waiting: Waiting) => boolean, max = Infinity) {
  const taken: Waiting[] = []
  for (const waiting of queue.splice(0)) {
    if (taken.length < max && isTaken(waiting)) taken.push(waiting)
    else queue.push(waiting)
  }
  return taken
}

/** Rejects those that have waited too long, or whose request was answered. */
export function rejectExpired(queue: Waiting[], now: number) {
  const isOver = ({ operation, until }: Waiting) => operation.deadline?.isOver || now > until
  for (const { reject } of takeOf(queue, isOver)) reject(new WaitExpired('waited too long'))
}

/** Gives an operation its outcome; what is still locked after a call that waited is busy. */
export function settle({ resolve, reject }: Waiting, outcome: Outcome | Error) {
  if (outcome instanceof Error) reject(outcome)
  else if (outcome.status === BUSY && lockedUserOf(outcome)) reject(new Problem('busy'))
  else resolve(outcome)
}
