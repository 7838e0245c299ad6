/** POST /operations: operations of any kind in one request. */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { callerKey, isUserAllowed } from '../auth/caller.ts'
import type { Scope } from '../auth/scopes.ts'
import type { Deadlines } from '../core/deadlines.ts'
import { isOurs, Problem, problemOf } from '../core/errors.ts'
import { chargeItems } from '../http/rate_limit.ts'
import { idempotencyKey, jsonBodyUpTo, validated } from '../http/validate.ts'
import type { Ledger } from '../ledger/functions.ts'
import type { Operation, Outcome } from '../ledger/operations.ts'
import type { Write } from '../ledger/write.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { metadataText, withEntry } from './created.ts'
import { describe } from './describe.ts'
import { type ItemIdentity, keysOfItems } from './item_keys.ts'
import { type Admit, type ItemResult, respondWithResults } from './list_items.ts'
import { createAssertReversible } from './reversible.ts'
import { type BulkOperation, operationResults, operationsBody } from './schemas_bulk.ts'
import type { ItemKey } from './shared_keys.ts'

export interface BulkDependencies {
  ledger: Pick<Ledger, 'findKeys' | 'getEntry'>
  write: Write
  metrics: Pick<Metrics, 'debit'>
  deadlines: Deadlines
  /** Lets items of lists into the write queue. */
  admit: Admit
  /** Called for failures of the service itself. */
  onFailure: (what: string, error: unknown) => void
}

const SCOPES: Record<BulkOperation['kind'], Scope> = {
  debit: 'debit',
  credit: 'credit',
  transfer: 'transfer',
  hold: 'hold',
  capture: 'hold',
  extend: 'hold',
  release: 'hold',
  reverse: 'reverse',
  recalculate: 'admin',
}

/** Whose keys it has: of a transfer, the giver's. */
const userOf = (item: BulkOperation): number => item.kind === 'transfer' ? item.from : item.user_id

/** Items that have it in common are told apart by their amounts and metadata alone. */
function identityOf(item: BulkOperation): ItemIdentity | undefined {
  const userId = userOf(item)
  switch (item.kind) {
    case 'recalculate':
      return undefined
    case 'debit':
      return { userId }
    case 'transfer':
      return { userId, what: `transfer-${item.to}` }
    case 'reverse':
      return { userId, what: `reverse-${item.seq}` }
    case 'credit':
    case 'hold':
      return { userId, what: item.kind }
    case 'capture':
    case 'extend':
    case 'release':
      return { userId, what: `${item.kind}-${item.hold}` }
  }
}

function operationOf(item: BulkOperation): Operation {
  const operation: Operation = { kind: item.kind, userId: userOf(item) }
  if (item.kind === 'recalculate') return operation
  if ('amount' in item && item.amount !== undefined) operation.amount = String(item.amount)
  if (item.kind === 'transfer') operation.peerId = item.to
  if ('expires_in' in item) operation.expiresInSeconds = item.expires_in ?? undefined
  if ('hold' in item) operation.ref = item.hold
  if (item.kind === 'capture') operation.isFinal = item.final
  if (item.kind === 'reverse') operation.ref = item.seq
  return { ...operation, metadata: metadataText(item.metadata) }
}

/** What the route of the kind responds with. */
function resultOf(kind: BulkOperation['kind'], { users: [user, peer] }: Outcome) {
  switch (kind) {
    case 'transfer':
      return { status: 201, body: { from: withEntry(user), to: withEntry(peer!) } }
    case 'hold':
      return { status: 201, body: user.hold! }
    case 'extend':
      return { status: 200, body: user.hold! }
    case 'release':
    case 'recalculate':
      return { status: 200, body: user.snapshot! }
    case 'debit':
    case 'credit':
    case 'capture':
    case 'reverse':
      return { status: 201, body: withEntry(user) }
  }
}

/** Does one item as its own route would, and makes its result. */
function createRunItem(
  { ledger, write, metrics, deadlines, admit, onFailure }: BulkDependencies,
) {
  const assertReversible = createAssertReversible({ ledger, write })

  /** @throws Problem if the caller lacks the scope, or one of the users */
  async function assertAllowed(c: Context, item: BulkOperation): Promise<void> {
    const caller = c.get('caller')
    if (caller && !caller.scopes.has(SCOPES[item.kind])) throw new Problem('forbidden')
    const users = item.kind === 'transfer' ? [item.from, item.to] : [item.user_id]
    if (!users.every((id) => isUserAllowed(c, id))) throw new Problem('forbidden')
    if (item.kind === 'reverse' && caller?.users) {
      await assertReversible(item.user_id, item.seq, caller.users)
    }
  }

  return async function runItem(
    c: Context,
    item: BulkOperation,
    itemKey: ItemKey,
  ): Promise<ItemResult> {
    const named = () => itemKey.key === undefined ? {} : { idempotency_key: itemKey.key }
    const counted = (outcome: Parameters<typeof metrics.debit>[0]) => {
      if (item.kind === 'debit') metrics.debit(outcome)
    }
    try {
      const outcome = await deadlines.within(async (deadline) => {
        await assertAllowed(c, item)
        const operation = { ...operationOf(item), deadline }
        return await itemKey.use((key) =>
          admit(callerKey(c), userOf(item), deadline, () => write({ ...operation, key }))
        )
      })
      const { replayed } = outcome
      counted(replayed ? 'replayed' : 'ok')
      const result = { ...resultOf(item.kind, outcome), ...named() }
      return { result: { ...result, ...(replayed && { replayed }) }, replayed }
    } catch (error) {
      const problem = problemOf(error, { writes: true })
      if (isOurs(problem)) onFailure('/operations', problem.cause ?? error)
      counted(problem.code)
      const body = problem.membersAt(c.get('limits').publicPath)
      return { result: { status: body.status, body, ...named() }, replayed: undefined }
    }
  }
}

/** POST /operations. */
export function bulkRoutes(dependencies: BulkDependencies) {
  const runItem = createRunItem(dependencies)
  return new Hono().post(
    '/',
    describe({
      operationId: 'postOperations',
      tag: 'Operations',
      summary: 'Do many operations of any kind, each for itself',
      description: 'At most 1000 items and 1 MiB. Each item has the members of the body of its ' +
        'route, and names its user, hold and entry. Each has a result of its own, in order, and ' +
        'is done or refused by itself, in no promised order; one that is malformed refuses them ' +
        'all. Keys are as with POST /debits. Each item needs the scope of its own route, and ' +
        'counts as a request for the rate limit.',
      responses: { 200: { schema: operationResults } },
      problems: [
        'invalid_request',
        'invalid_idempotency_key',
        'payload_too_large',
        'unsupported_media_type',
      ],
    }),
    idempotencyKey,
    jsonBodyUpTo('maxDebitsBodyBytes'),
    validated('json', operationsBody),
    async (c) => {
      const items = c.req.valid('json')
      const headerKey = c.get('key')
      chargeItems(c, items.length)
      // Each item has a deadline of its own: those that were in time keep their results.
      c.get('deadline')?.release()
      const keys = await keysOfItems(dependencies.ledger, items, identityOf, headerKey)
      const results = await Promise.all(items.map((item, n) => runItem(c, item, keys[n]!)))
      return respondWithResults(c, headerKey, results)
    },
  )
}
