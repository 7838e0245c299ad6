/** The items of a list: when each may go into the write queue, and what it came to. */
import type { Context } from 'hono'
import type { Limits } from '../config/limits.ts'
import type { Deadline } from '../core/deadlines.ts'
import { createFairSemaphore } from '../core/semaphore.ts'
import { json } from '../http/response.ts'
import { markReplayed } from './created.ts'

/**
 * Items of one user that all lists together may have in the write queue: one batch, and the next
 * one.
 */
const MAX_QUEUED_PER_USER = 256
/** The part of the write queue that all lists of one caller may fill. */
const QUEUE_PART_PER_CALLER = 1 / 4
/**
 * The part of a request's deadline that an item may wait to get into the queue. An item that is
 * sent later might end as outcome_unknown.
 */
const WAITING_PART = 1 / 5

/**
 * Runs `work` once there is room in the queue for this user and this caller, so that lists leave
 * room for others. It waits for the user first: an item that waits for its user must not take one
 * of its caller's places.
 */
export type Admit = <T>(
  caller: string,
  userId: number,
  deadline: Deadline,
  work: () => Promise<T>,
) => Promise<T>

/** Creates what all lists share. */
export function createAdmit(limits: Pick<Limits, 'maxQueue' | 'requestDeadlineMs'>): Admit {
  const ofUsers = createFairSemaphore({ perKey: MAX_QUEUED_PER_USER })
  const ofCallers = createFairSemaphore({
    perKey: Math.ceil(limits.maxQueue * QUEUE_PART_PER_CALLER),
  })
  return (caller, userId, deadline, work) => {
    const end = performance.now() + limits.requestDeadlineMs * WAITING_PART
    const isOver = () => deadline.isOver || performance.now() > end
    return ofUsers.take(userId, () => ofCallers.take(caller, work, { isOver }), { isOver })
  }
}

/** What an item came to; `replayed` is undefined if it was refused. */
export interface ItemResult {
  result: object
  replayed: boolean | undefined
}

/**
 * Responds with the results of a list. With a header's key, it is a repeat if every item that was
 * done was one.
 */
export function respondWithResults(c: Context, headerKey: string | undefined, items: ItemResult[]) {
  const done = items.filter(({ replayed }) => replayed !== undefined)
  markReplayed(c, headerKey !== undefined && done.length > 0 && done.every((one) => one.replayed))
  return json(c, { results: items.map(({ result }) => result) })
}
