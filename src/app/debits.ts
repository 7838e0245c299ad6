/** POST /debits: many debits in one request. */
import { Hono } from 'hono'
import type { Context } from 'hono'
import type { z } from 'zod'
import { isUserAllowed } from '../auth/caller.ts'
import { json } from '../http/response.ts'
import type { Deadline, Deadlines } from '../core/deadlines.ts'
import { isOurs, Problem, problemOf } from '../core/errors.ts'
import { createFairTurns } from '../core/semaphore.ts'
import { DEFAULT_LIMITS, type Limits } from '../config/limits.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Write } from '../ledger/write.ts'
import { callerKey } from '../auth/caller.ts'
import { chargeItems } from '../http/rate_limit.ts'
import { idempotencyKey, jsonBodyUpTo, validated } from '../http/validate.ts'
import { markReplayed, metadataText, withEntry } from './created.ts'
import { describe } from './describe.ts'
import { debitsBody, results } from './schemas.ts'

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

export interface DebitsDependencies {
  write: Write
  metrics: Pick<Metrics, 'debit'>
  deadlines: Deadlines
  limits?: Pick<Limits, 'maxQueue' | 'requestDeadlineMs'> | undefined
  /** Called for failures of the service itself. */
  onFailure: (what: string, error: unknown) => void
}

type Item = z.infer<typeof debitsBody>[number]

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
 * debit gets a key that belonged to another one.
 */
function keysOf(items: Item[], key: string | undefined): (string | undefined)[] {
  const counts = new Map<number, number>()
  return items.map(({ user_id, idempotency_key }) => {
    if (idempotency_key !== undefined || key === undefined) return idempotency_key
    const n = counts.get(user_id) ?? 0
    counts.set(user_id, n + 1)
    return `${key}#${n}`
  })
}

/** POST /debits. */
export function debitsRoutes(
  { write, metrics, deadlines, limits = DEFAULT_LIMITS, onFailure }: DebitsDependencies,
) {
  const debits = new Hono<{ Variables: { key?: string } }>()
  const ofUsers = createFairTurns({ perKey: MAX_QUEUED_PER_USER })
  const ofCallers = createFairTurns({
    perKey: Math.ceil(limits.maxQueue * QUEUE_PART_PER_CALLER),
  })

  /**
   * Runs `work` once there is room in the queue for this user and this caller, so that lists leave
   * room for others. It waits for the user first: an item that waits for its user must not take one
   * of its caller's places.
   */
  function admitted<T>(caller: string, userId: number, deadline: Deadline, work: () => Promise<T>) {
    const end = performance.now() + limits.requestDeadlineMs * WAITING_PART
    const isOver = () => deadline.isOver || performance.now() > end
    return ofUsers.take(userId, () => ofCallers.take(caller, work, { isOver }), { isOver })
  }

  /** The result of one item, as the single call would have answered it. */
  async function debit(
    { user_id, amount, metadata }: Item,
    key: string | undefined,
    c: Context,
  ) {
    try {
      if (!isUserAllowed(c, user_id)) throw new Problem('forbidden')
      const operation = {
        kind: 'debit' as const,
        userId: user_id,
        amount: String(amount),
        key,
        metadata: metadataText(metadata),
      }
      const { users: [user], replayed } = await deadlines.within((deadline) =>
        admitted(callerKey(c), user_id, deadline, () => write({ ...operation, deadline }))
      )
      metrics.debit(replayed ? 'replayed' : 'ok')
      return { result: { status: 201, ...withEntry(user) }, replayed }
    } catch (error) {
      const problem = problemOf(error, { writes: true })
      if (isOurs(problem)) onFailure('/debits', problem.cause ?? error)
      metrics.debit(problem.code)
      // The result names the key, so that the caller can repeat this very debit.
      const named = key === undefined ? {} : { idempotency_key: key }
      const members = problem.membersAt(c.get('limits').publicPath)
      return { result: { ...members, ...named }, replayed: undefined }
    }
  }

  debits.post(
    '/',
    describe({
      operationId: 'debitUsers',
      tag: 'Entries',
      summary: 'Take amounts from many users, each debit for itself',
      description: 'At most 1000 items and 1 MiB. Each item has an answer of its own, in order; ' +
        'one that is malformed refuses them all. With the header Idempotency-Key, the items of a ' +
        'user that have no key of their own have that key with #0 #1 #2 … behind it, wherever ' +
        'they are in the list; of a key over 251 characters, its beginning and its SHA-256. Each ' +
        'result names the key that counted. Each item counts as a request for the rate limit.',
      answers: { 200: { schema: results } },
      problems: [
        'invalid_request',
        'invalid_idempotency_key',
        'payload_too_large',
        'unsupported_media_type',
      ],
    }),
    idempotencyKey,
    jsonBodyUpTo('maxDebitsBodyBytes'),
    validated('json', debitsBody),
    async (c) => {
      const items = c.req.valid('json')
      const key = c.get('key')
      chargeItems(c, items.length)
      // Each item has a deadline of its own. Those that were in time keep their results.
      c.get('deadline')?.release()
      const keys = keysOf(items, key === undefined ? key : await countable(key))
      const answered = await Promise.all(
        items.map((item, n) => debit(item, keys[n], c)),
      )
      const done = answered.filter(({ replayed }) => replayed !== undefined)
      markReplayed(c, key !== undefined && done.length > 0 && done.every((one) => one.replayed))
      return json(c, { results: answered.map(({ result }) => result) })
    },
  )

  return debits
}
