/** The items of a list: which key each has, and when it may go into the write queue. */
import type { Context } from 'hono'
import type { Limits } from '../config/limits.ts'
import type { Deadline } from '../core/deadlines.ts'
import { createFairSemaphore } from '../core/semaphore.ts'
import { json } from '../http/response.ts'
import { markReplayed } from './created.ts'

const MAX_KEY_LENGTH = 255
/** Room for the longest suffix of a key, `#999`. */
const COUNT_LENGTH = 4
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

/** The header's key, short enough for a suffix. Of a long one: its beginning and its SHA-256. */
async function countable(key: string): Promise<string> {
  if (key.length <= MAX_KEY_LENGTH - COUNT_LENGTH) return key
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key))
  const behind = `~${
    Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
  }`
  return key.slice(0, MAX_KEY_LENGTH - COUNT_LENGTH - behind.length) + behind
}

/**
 * The key of each item, in order. An item without a key of its own gets the header's key and the
 * number of such items of the same user before it. So in another order, or with items left out, no
 * item gets a key that belonged to another one.
 */
export async function keysOfItems<Item extends { idempotency_key?: string | undefined }>(
  items: Item[],
  userOf: (item: Item, n: number) => number,
  header: string | undefined,
): Promise<(string | undefined)[]> {
  const key = header === undefined ? header : await countable(header)
  const counts = new Map<number, number>()
  return items.map((item, i) => {
    const { idempotency_key } = item
    if (idempotency_key !== undefined || key === undefined) return idempotency_key
    const n = counts.get(userOf(item, i)) ?? 0
    counts.set(userOf(item, i), n + 1)
    return `${key}#${n}`
  })
}

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

/** For all lists together. */
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
export function respondWithResults(c: Context, header: string | undefined, items: ItemResult[]) {
  const done = items.filter(({ replayed }) => replayed !== undefined)
  markReplayed(c, header !== undefined && done.length > 0 && done.every((one) => one.replayed))
  return json(c, { results: items.map(({ result }) => result) })
}
