/** POST /debits: many debits in one request. */
import { Hono } from 'hono'
import type { Context } from 'hono'
import type { z } from 'zod'
import { callerKey, isUserAllowed } from '../auth/caller.ts'
import type { Deadlines } from '../core/deadlines.ts'
import { isOurs, Problem, problemOf } from '../core/errors.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Ledger } from '../ledger/functions.ts'
import type { Write } from '../ledger/write.ts'
import { chargeItems } from '../http/rate_limit.ts'
import { idempotencyKey, jsonBodyUpTo, validated } from '../http/validate.ts'
import { metadataText, withEntry } from './created.ts'
import { describe } from './describe.ts'
import { keysOfItems } from './item_keys.ts'
import { type Admit, type ItemResult, respondWithResults } from './list_items.ts'
import { debitsBody, results } from './schemas.ts'
import type { ItemKey } from './shared_keys.ts'

export interface DebitsDependencies {
  ledger: Pick<Ledger, 'findKeys'>
  write: Write
  metrics: Pick<Metrics, 'debit'>
  deadlines: Deadlines
  /** Lets items of lists into the write queue. */
  admit: Admit
  /** Called for failures of the service itself. */
  onFailure: (what: string, error: unknown) => void
}

type Item = z.infer<typeof debitsBody>[number]

function createDebitItem({ write, metrics, deadlines, admit, onFailure }: DebitsDependencies) {
  /** Does one item as a request for it alone would, and makes its result. */
  return async function debitItem(
    { user_id, amount, metadata }: Item,
    itemKey: ItemKey,
    c: Context,
  ): Promise<ItemResult> {
    try {
      if (!isUserAllowed(c, user_id)) throw new Problem('forbidden')
      const operation = {
        kind: 'debit' as const,
        userId: user_id,
        amount: String(amount),
        metadata: metadataText(metadata),
      }
      const { users: [user], replayed } = await deadlines.within((deadline) =>
        itemKey.use((key) =>
          admit(callerKey(c), user_id, deadline, () => write({ ...operation, key, deadline }))
        )
      )
      metrics.debit(replayed ? 'replayed' : 'ok')
      return { result: { status: 201, ...withEntry(user) }, replayed }
    } catch (error) {
      const problem = problemOf(error, { writes: true })
      if (isOurs(problem)) onFailure('/debits', problem.cause ?? error)
      metrics.debit(problem.code)
      // The result names the key, so that the caller can repeat this very debit.
      const { key } = itemKey
      const named = key === undefined ? {} : { idempotency_key: key }
      const members = problem.membersAt(c.get('limits').publicPath)
      return { result: { ...members, ...named }, replayed: undefined }
    }
  }
}

/** POST /debits. */
export function debitsRoutes(dependencies: DebitsDependencies) {
  const debitItem = createDebitItem(dependencies)
  return new Hono().post(
    '/',
    describe({
      operationId: 'debitUsers',
      tag: 'Entries',
      summary: 'Take amounts from many users, each debit for itself',
      description: 'At most 1000 items and 1 MiB. Each item has an answer of its own, in order; ' +
        'one that is malformed refuses them all. With the header Idempotency-Key, a repeat of ' +
        'the list or of any part of it, in any order, does no item twice: an item that has no ' +
        'key of its own has one made of that key, of its user and of what it says. One that ' +
        'differs from what was done in its place is idempotency_key_reused. Each result names ' +
        'the key that counted. Each item counts as a request for the rate limit.',
      responses: { 200: { schema: results } },
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
      const { ledger } = dependencies
      const keys = await keysOfItems(ledger, items, ({ user_id }) => ({ userId: user_id }), key)
      return respondWithResults(
        c,
        key,
        await Promise.all(items.map((item, n) => debitItem(item, keys[n]!, c))),
      )
    },
  )
}
