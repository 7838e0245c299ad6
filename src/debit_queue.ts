/** Gathers postings of many requests into batches; see the design's rule on who waits for whom. */
import { askAgain, isOutcomeUnknown, Problem, problemOf } from './errors.ts'
import { createLane, LaneExpired, LaneFull } from './lane.ts'
import type { Lane } from './lane.ts'
import type { Outcome, Posting } from './ledger.ts'
import { createTurns } from './turns.ts'
import { createUnderWay } from './under_way.ts'

const BUSY = '55P03'

export interface DebitQueueOptions {
  post: (items: Posting[], options: { wait: boolean }) => Promise<Outcome[]>
  /** Batches in flight at once; no two have items of the same user. */
  batches: number
  /** Users being waited for at once. */
  waiting: number
  maxBatch?: number
  /** In the lane, and for all users that are waited for together. */
  maxQueue?: number
  /** How long a posting may wait for its batch. With a query's deadline it makes the request's. */
  maxWaitMs?: number
  /** Told the size of each batch, also of one user only. */
  onBatch?: (size: number) => void
  now?: () => number
}

export interface DebitQueue {
  /**
   * Posts one item and answers what the database said of it.
   * @throws Problem busy (nothing was written), outcome_unknown, internal
   */
  add(item: Posting): Promise<Outcome>
  /** Settles once everything that was added is answered. */
  idle(): Promise<void>
}

/**
 * The lane's batches never wait: users whom somebody else holds come back from them as busy. They,
 * and items whose batch failed in a way that makes a second try safe, go to the side: there each
 * user has a call of its own, which waits up to lock_timeout and stops nobody else.
 */
export function createDebitQueue(options: DebitQueueOptions): DebitQueue {
  const { waiting, maxBatch = 128, maxQueue = 10_000, maxWaitMs = 1000, onBatch } = options
  const now = options.now ?? (() => performance.now())
  const post: DebitQueueOptions['post'] = (items, { wait }) => {
    onBatch?.(items.length)
    for (const { deadline } of items) if (deadline) deadline.isSent = true
    return options.post(items, { wait })
  }
  const lane = createLane<Posting, Outcome>({
    run: (items) => post(items, { wait: false }),
    maxRunning: options.batches,
    maxBatch,
    maxQueue,
    maxWaitMs,
    keyOf: (item) => item.userId,
    isOver,
    now,
  })
  const side = createSide({ post, waiting, maxBatch, maxQueue, maxWaitMs, now })
  const underWay = createUnderWay()

  async function place(item: Posting): Promise<Outcome> {
    try {
      // A batch would only find again that the user is held, by another instance perhaps.
      const outcome = side.waitsFor(item.userId) ? undefined : await lane.add(item)
      return outcome && outcome.status !== BUSY ? outcome : await aside(item)
    } catch (error) {
      if (isOutcomeUnknown(error) && item.key !== undefined) {
        return await askAgain(() => wait(item))
      }
      if (wasRolledBack(error)) return await aside(item)
      throw error
    }
  }

  /** Nothing of the item was written so far. */
  function aside(item: Posting): Promise<Outcome> {
    if (item.deadline) item.deadline.isSent = false
    return side.add(item)
  }

  async function wait(item: Posting): Promise<Outcome> {
    const outcome = await side.add(item)
    if (outcome.status === BUSY) throw new Problem('busy')
    return outcome
  }

  return {
    add: (item) =>
      underWay.track(
        place(item).catch((error: unknown) => {
          throw problemOf(error, { writes: true })
        }),
      ),
    idle: underWay.idle,
  }
}

const isOver = ({ deadline }: Posting): boolean => deadline?.isOver ?? false

/** PostgreSQL refused the statement as a whole, and perhaps because of one item only. */
const wasRolledBack = (error: unknown): boolean =>
  error instanceof Error && 'severity' in error && !isOutcomeUnknown(error) &&
  problemOf(error).code !== 'busy'

/**
 * One queue a user, at most `waiting` of them at work at once. A call has items of one user only,
 * and may wait for that user's lock.
 */
function createSide(options: Required<Omit<DebitQueueOptions, 'onBatch' | 'batches'>>) {
  const { post, maxBatch, maxQueue, maxWaitMs, now } = options
  const users = new Map<number, { lane: Lane<Posting, Outcome>; items: number }>()
  const turns = createTurns({ limit: options.waiting, maxWaitMs, now })
  let queued = 0

  async function send(items: Posting[]): Promise<(Outcome | Error)[]> {
    const live = items.filter((item) => !isOver(item))
    const outcomes = live.length > 0 ? await post(live, { wait: true }) : []
    if (outcomes.length !== live.length) throw new Error('a batch came back with another length')
    const expired = new LaneExpired('waited too long')
    return items.map((item) => outcomes[live.indexOf(item)] ?? expired)
  }

  async function run(items: Posting[]): Promise<(Outcome | Error)[]> {
    try {
      return await turns.take(() => send(items))
    } catch (error) {
      if (items.length === 1 || !wasRolledBack(error)) throw error
    }
    const alone: (Outcome | Error)[] = []
    for (const item of items) {
      alone.push(...await run([item]).catch((error: Error) => [error]))
    }
    return alone
  }

  return {
    waitsFor: (userId: number) => users.has(userId),

    async add(item: Posting): Promise<Outcome> {
      if (queued >= maxQueue) throw new LaneFull('the queue is full')
      let user = users.get(item.userId)
      if (!user) {
        const lane = createLane<Posting, Outcome>({
          run,
          maxBatch,
          maxQueue,
          maxWaitMs,
          isOver,
          now,
        })
        users.set(item.userId, user = { lane, items: 0 })
      }
      queued++
      user.items++
      try {
        return await user.lane.add(item)
      } finally {
        queued--
        if (--user.items === 0) users.delete(item.userId)
      }
    },
  }
}
