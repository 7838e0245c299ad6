/** Stores snapshots in Redis: one sorted set for each user, in which the highest version counts. */
import { Batcher } from '../core/batcher.ts'
import { createRedisClient, type RedisReply } from './redis.ts'
import { formatEntry, type Versioned } from './snapshot_entry.ts'

/**
 * The result of a lookup: a text with its score, nothing, or the reason why there was no lookup.
 */
export type Found = { text: string; score: string } | 'nothing' | 'skipped' | 'failed'
export type Kept = 'kept' | 'skipped' | 'failed'

export interface SnapshotStoreOptions {
  redis: { url: string; token: string }
  /**
   * The id of the ledger and its history, part of each key: several ledgers, and copies of one, may
   * share a Redis.
   */
  history: string
  ttlMs: number
  /** The limit of the wait in the queue and the call together. */
  timeoutMs: number
  /** A clock in milliseconds; only differences matter. */
  now: () => number
}

/** Neither method ever rejects. */
export interface SnapshotStore {
  find(id: number): Promise<Found>
  /** Keeps the entry unless a newer one is there, and removes that text in the same transaction. */
  keep(id: number, change: { entry?: Versioned; remove?: string }): Promise<Kept>
}

interface Change {
  id: number
  at: number
  entry?: Versioned
  remove?: string
}

/** Users in one call. Writing takes three or four commands for each. */
const MAX_BATCH = 500
const MAX_QUEUE = 20_000
const PAUSE_MS = 1000

/** Creates a circuit breaker: after a failed call there is none for a second, then one tries. */
function createBreaker(now: () => number) {
  let nextAt = -Infinity
  let isBroken = false
  return {
    allows() {
      if (isBroken && now() < nextAt) return false
      nextAt = now() + PAUSE_MS
      return true
    },
    settled(hasSucceeded: boolean) {
      isBroken = !hasSucceeded
      nextAt = now() + PAUSE_MS
    },
  }
}

function foundIn({ result, error }: RedisReply): Found {
  if (error !== undefined || !Array.isArray(result)) return 'failed'
  if (result.length === 0) return 'nothing'
  const [text, score] = result as unknown[]
  const isEntry = result.length === 2 && typeof text === 'string' &&
    (typeof score === 'string' || typeof score === 'number')
  return isEntry ? { text, score: String(score) } : 'failed'
}

/** What to write for each user: of several entries the newest, and all removals. */
function merge(changes: Change[]): Map<number, { newest?: Versioned; removals: Set<string> }> {
  const merged = new Map<number, { newest?: Versioned; removals: Set<string> }>()
  for (const { id, entry, remove } of changes) {
    const user = merged.get(id) ?? { removals: new Set() }
    merged.set(id, user)
    if (remove !== undefined) user.removals.add(remove)
    const { newest } = user
    const newer = entry && (!newest || entry.version > newest.version ||
      (entry.version === newest.version && entry.read_at > newest.read_at))
    if (newer) user.newest = entry
  }
  return merged
}

/**
 * Makes calls, with a circuit breaker for all of them.
 * @returns the replies, or why there are none; the client has reported details
 */
function createCall(timeoutMs: number, now: () => number) {
  const breaker = createBreaker(now)
  return async function call(
    items: { at: number }[],
    send: (limitMs: number) => Promise<RedisReply[]>,
  ): Promise<RedisReply[] | 'skipped' | 'failed'> {
    if (!breaker.allows()) return 'skipped'
    try {
      const replies = await send(timeoutMs - (now() - items[0]!.at))
      breaker.settled(true)
      return replies
    } catch {
      breaker.settled(false)
      return 'failed'
    }
  }
}

/** Creates the store. Calls of many requests travel together. */
export function createSnapshotStore(options: SnapshotStoreOptions): SnapshotStore {
  const { history, ttlMs, timeoutMs, now } = options
  const keyOf = (id: number) => `ledger:${history}:user:${id}`
  const call = createCall(timeoutMs, now)
  // Each batcher has a client of its own, because a client makes one call at a time.
  const reading = createRedisClient(options.redis)
  const writing = createRedisClient(options.redis)
  const limits = { maxBatch: MAX_BATCH, maxQueue: MAX_QUEUE, maxWaitMs: timeoutMs, now }

  const finding = new Batcher<{ id: number; at: number }, Found>({
    ...limits,
    async run(items) {
      const ids = [...new Set(items.map(({ id }) => id))]
      const replies = await call(items, (limitMs) =>
        reading.pipeline((commands) => {
          for (const id of ids) commands.zrange(keyOf(id), -1, -1, { withScores: true })
        }, limitMs))
      if (!Array.isArray(replies)) return items.map(() => replies)
      const found = new Map(ids.map((id, i) => [id, foundIn(replies[i]!)]))
      return items.map(({ id }) => found.get(id)!)
    },
  })

  const keeping = new Batcher<Change, Kept>({
    ...limits,
    async run(items) {
      const merged = merge(items)
      const commandsOf = new Map<number, { from: number; to: number }>()
      const replies = await call(items, (limitMs) =>
        writing.multi((commands) => {
          for (const [id, { newest, removals }] of merged) {
            const key = keyOf(id)
            const from = commands.length()
            for (const text of removals) commands.zrem(key, text)
            if (newest) {
              commands.zadd(key, { score: newest.version, member: formatEntry(newest) })
              // Never DEL: it would forget the version, and an older write could come back.
              commands.zremrangebyrank(key, 0, -2)
              commands.pexpire(key, ttlMs)
            }
            commandsOf.set(id, { from, to: commands.length() })
          }
        }, limitMs))
      if (!Array.isArray(replies)) return items.map(() => replies)
      return items.map(({ id }) => {
        const { from, to } = commandsOf.get(id)!
        const isKept = replies.slice(from, to)
          .every(({ result, error }) => typeof result === 'number' && !error)
        return isKept ? 'kept' : 'failed'
      })
    },
  })

  return {
    find: (id) => finding.add({ id, at: now() }).catch(() => 'skipped'),
    keep: (id, change) => keeping.add({ id, at: now(), ...change }).catch(() => 'skipped'),
  }
}
