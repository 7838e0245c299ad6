/** Routes of one user: snapshot, debit, credit, recalculation. */
import { Hono } from 'hono'
import { json, setHeader } from '../http/response.ts'
import { Problem } from '../core/errors.ts'
import type { Write } from '../ledger/write.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Snapshots } from '../cache/snapshots.ts'
import { idempotencyKey, jsonBody, validated } from '../http/validate.ts'
import { created, metadataText } from './created.ts'
import { describe, WRITE_PROBLEMS } from './describe.ts'
import { CREDITED } from './examples.ts'
import { amountBody, emptyBody, idParam, posted, snapshot } from './schemas.ts'

export interface UsersDependencies {
  write: Write
  snapshots: Pick<Snapshots, 'read'>
  metrics: Pick<Metrics, 'debit' | 'read'>
}

const DEBIT = {
  operationId: 'debitUser',
  summary: 'Take an amount from a user',
  description: 'The available balance must cover it: balance less what is held.',
  responses: { 201: { schema: posted, headers: ['Location' as const] } },
}

const CREDIT = {
  operationId: 'creditUser',
  summary: 'Add an amount to a user',
  description: 'Adds it to the balance.',
  responses: { 201: { schema: posted, example: CREDITED, headers: ['Location' as const] } },
}

/** GET /users/:id, and POST debit, credit and recalculate under /users/:id. */
export function usersRoutes(dependencies: UsersDependencies) {
  const routes = new Hono()
  addGetUser(routes, dependencies)
  addDebitAndCreditUser(routes, dependencies)
  addRecalculateBalance(routes, dependencies)
  return routes
}

function addGetUser(
  routes: Hono,
  { snapshots, metrics }: Pick<UsersDependencies, 'snapshots' | 'metrics'>,
) {
  routes.get(
    '/:id',
    describe({
      operationId: 'getUser',
      tag: 'Users',
      summary: 'The balance of a user',
      description: 'X-Cache says where it came from. Cache-Control: no-cache asks for a fresh one.',
      responses: { 200: { schema: snapshot, headers: ['X-Cache'] } },
      problems: ['invalid_request', 'unknown_user', 'busy'],
    }),
    validated('param', idParam),
    async (c) => {
      const fresh = /\bno-cache\b/i.test(c.req.header('cache-control') ?? '')
      const found = await snapshots.read(Number(c.req.valid('param').id), { fresh })
      if (!found) throw new Problem('unknown_user')
      const { snapshot, cache } = found
      metrics.read(cache)
      setHeader(c, 'X-Cache', cache)
      return json(c, snapshot)
    },
  )
}

function addDebitAndCreditUser(
  routes: Hono,
  { write, metrics }: Pick<UsersDependencies, 'write' | 'metrics'>,
) {
  for (const action of ['DEBIT', 'CREDIT'] as const) {
    routes.post(
      action === 'DEBIT' ? '/:id/debit' : '/:id/credit',
      describe({
        tag: 'Entries',
        ...(action === 'DEBIT' ? DEBIT : CREDIT),
        problems: [
          ...WRITE_PROBLEMS,
          ...(action === 'DEBIT' ? ['insufficient_funds' as const, 'user_frozen' as const] : []),
          'balance_out_of_range',
        ],
      }),
      validated('param', idParam),
      idempotencyKey,
      jsonBody,
      validated('json', amountBody),
      async (c) => {
        const { amount, metadata } = c.req.valid('json')
        const deadline = c.get('deadline')
        const posted = await write({
          kind: action === 'DEBIT' ? 'debit' : 'credit',
          userId: Number(c.req.valid('param').id),
          amount: String(amount),
          key: c.get('key'),
          deadline,
          metadata: metadataText(metadata),
        })
        // A debit whose deadline is over was counted by its response.
        if (action === 'DEBIT' && !deadline?.isOver) {
          metrics.debit(posted.replayed ? 'replayed' : 'ok')
        }
        return created(c, posted)
      },
    )
  }
}

function addRecalculateBalance(routes: Hono, { write }: Pick<UsersDependencies, 'write'>) {
  routes.post(
    '/:id/recalculate',
    describe({
      operationId: 'recalculateBalance',
      tag: 'Users',
      summary: 'Post manual entries, and recalculate the balance from the history',
      description: 'Every other write does so, too; nothing changes when it is repeated.',
      responses: { 200: { schema: snapshot } },
      problems: [
        'invalid_request',
        'unknown_user',
        'payload_too_large',
        'unsupported_media_type',
        'balance_out_of_range',
        'busy',
        'outcome_unknown',
      ],
    }),
    validated('param', idParam),
    jsonBody,
    validated('json', emptyBody),
    async (c) => {
      const userId = Number(c.req.valid('param').id)
      // The snapshot comes from the write itself: a read afterwards might already show a later
      // change.
      const { users: [user] } = await write({
        kind: 'recalculate',
        userId,
        deadline: c.get('deadline'),
      })
      return json(c, user.snapshot)
    },
  )
}
