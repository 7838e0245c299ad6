/** Users and what is posted to them: validate → call → respond. */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { describeRoute } from 'hono-openapi'
import type { DebitQueue } from '../debit_queue.ts'
import { Problem, problemCode } from '../errors.ts'
import type { Ledger, Outcome, Posting } from '../ledger.ts'
import type { Metrics } from '../metrics.ts'
import { answers } from '../openapi.ts'
import type { Snapshots } from '../snapshots.ts'
import { idempotencyKey, jsonBody, validated } from '../validate.ts'
import { amountBody, emptyBody, idParam, newUserBody, posted, snapshot } from './schemas.ts'

export interface UsersDependencies {
  ledger: Pick<Ledger, 'createUser'>
  queue: Pick<DebitQueue, 'add'>
  snapshots: Pick<Snapshots, 'changed' | 'read' | 'write'>
  metrics: Pick<Metrics, 'read' | 'debit'>
}

/** What only SQL can see: how long metadata is in its own format. */
const REFUSED: Record<string, Record<string, unknown>> = {
  '22023': { errors: [{ path: 'metadata', message: 'must be at most 8192 bytes as jsonb' }] },
}

/** GET /users/:id, POST /users, and POST debit, credit and recalculate under /users/:id. */
export function usersRoutes({ ledger, queue, snapshots, metrics }: UsersDependencies) {
  const users = new Hono<{ Variables: { key?: string } }>()

  /** Posts, lets the cache know, and throws what the database refused. */
  async function post(item: Posting): Promise<Outcome> {
    const outcome = await queue.add(item)
    if (outcome.state && !outcome.replayed) await snapshots.write(outcome.state)
    if (outcome.state && outcome.replayed) {
      // A replay tells how things were; but it, too, may have counted rows made by hand.
      snapshots.changed(item.userId, outcome.state.version)
      await snapshots.read(item.userId, { fresh: true })
    }
    if (outcome.status === 'ok') return outcome
    const funds = outcome.state && outcome.shortfall !== undefined && {
      balance: outcome.state.snapshot.balance,
      available: outcome.state.snapshot.available,
      required: outcome.required,
      shortfall: outcome.shortfall,
    }
    throw new Problem(problemCode(outcome.status), funds || REFUSED[outcome.status] || {})
  }

  function created(c: Context, { state, entry, replayed }: Outcome) {
    const { snapshot } = state!
    c.header('Location', `/users/${snapshot.id}/history/${entry!.seq}`)
    if (replayed) c.header('Idempotency-Replayed', 'true')
    return c.json({ ...snapshot, entry }, 201)
  }

  async function current(id: number, fresh: boolean) {
    const found = await snapshots.read(id, { fresh })
    if (!found) throw new Problem('unknown_user')
    return found
  }

  users.get(
    '/:id',
    describeRoute({
      summary: 'The balance of a user',
      description: 'X-Cache says where it came from. Cache-Control: no-cache asks for a fresh one.',
      ...answers({ 200: snapshot }, ['invalid_request', 'unknown_user', 'busy']),
    }),
    validated('param', idParam),
    async (c) => {
      const fresh = /\bno-cache\b/i.test(c.req.header('cache-control') ?? '')
      const { snapshot, cache } = await current(Number(c.req.valid('param').id), fresh)
      metrics.read(cache)
      c.header('X-Cache', cache)
      return c.json(snapshot)
    },
  )

  users.post('/:id/debit', async (c, next) => {
    await next()
    const failure = c.error instanceof Problem ? c.error.code : c.error && 'internal'
    metrics.debit(failure ?? (c.res.headers.has('Idempotency-Replayed') ? 'replayed' : 'ok'))
  })

  for (const action of ['DEBIT', 'CREDIT'] as const) {
    users.post(
      action === 'DEBIT' ? '/:id/debit' : '/:id/credit',
      describeRoute({
        summary: action === 'DEBIT' ? 'Take an amount from a user' : 'Add an amount to a user',
        ...answers({ 201: posted }, [
          'invalid_request',
          'invalid_idempotency_key',
          'unknown_user',
          'payload_too_large',
          'unsupported_media_type',
          ...(action === 'DEBIT' ? ['insufficient_funds' as const] : []),
          'idempotency_key_reused',
          'balance_out_of_range',
          'busy',
          'outcome_unknown',
        ]),
      }),
      validated('param', idParam),
      idempotencyKey,
      jsonBody,
      validated('json', amountBody),
      async (c) => {
        const { amount, metadata } = c.req.valid('json')
        return created(
          c,
          await post({
            userId: Number(c.req.valid('param').id),
            action,
            amount: String(amount),
            key: c.get('key'),
            metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
          }),
        )
      },
    )
  }

  users.post(
    '/:id/recalculate',
    describeRoute({
      summary: 'Count rows made by hand, and recalculate the balance from the history',
      ...answers({ 200: snapshot }, [
        'invalid_request',
        'unknown_user',
        'payload_too_large',
        'unsupported_media_type',
        'balance_out_of_range',
        'busy',
        'outcome_unknown',
      ]),
    }),
    validated('param', idParam),
    jsonBody,
    validated('json', emptyBody),
    async (c) => {
      const userId = Number(c.req.valid('param').id)
      await post({ userId, action: null, amount: null })
      return c.json((await current(userId, true)).snapshot)
    },
  )

  users.post(
    '/',
    describeRoute({
      summary: 'Make a user',
      description: 'With the id of a user that exists already: 200 and its snapshot.',
      ...answers({ 200: snapshot, 201: snapshot }, [
        'invalid_request',
        'payload_too_large',
        'unsupported_media_type',
        'busy',
        'outcome_unknown',
      ]),
    }),
    jsonBody,
    validated('json', newUserBody),
    async (c) => {
      const { id, created } = await ledger.createUser(c.req.valid('json').id)
      const { snapshot } = await current(id, true)
      if (!created) return c.json(snapshot)
      c.header('Location', `/users/${id}`)
      return c.json(snapshot, 201)
    },
  )

  return users
}
