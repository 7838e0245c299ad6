/** Freezing, thawing and credit limits of users: validate → call → respond. */
import { Hono } from 'hono'
import type { Context, MiddlewareHandler } from 'hono'
import { codeOf, isOutcomeUnknown, Problem } from '../core/errors.ts'
import { invalidRequest } from '../core/invalid_request.ts'
import { rowsOfPage } from '../core/page_length.ts'
import type { FairSemaphore } from '../core/semaphore.ts'
import { json } from '../http/response.ts'
import { jsonBody, validated } from '../http/validate.ts'
import type { ControlOperation } from '../ledger/control_functions.ts'
import type { Ledger } from '../ledger/functions.ts'
import { isLongRead } from '../ledger/read_functions.ts'
import type { Snapshots } from '../cache/snapshots.ts'
import { describe, WRITE_PROBLEMS } from './describe.ts'
import { longRead } from './long_read.ts'
import { controlled, controlsPage, controlsQuery } from './schemas_controls.ts'
import { creditLimitBody, reasonBody } from './schemas_controls.ts'
import { idParam } from './schemas.ts'

const DEFAULT_LIMIT = 50

export interface ControlsDependencies {
  ledger: Pick<Ledger, 'setControl' | 'getUserState' | 'listControls'>
  snapshots: Pick<Snapshots, 'read' | 'invalidate'>
  /** Turns of long reads, by caller; left out: no limit. */
  longReads?: FairSemaphore
}

const PROBLEMS = [
  ...WRITE_PROBLEMS.filter((code) =>
    code !== 'idempotency_key_reused' && code !== 'invalid_idempotency_key'
  ),
  'balance_out_of_range' as const,
]

/**
 * Refuses an Idempotency-Key, which would promise too much: that a repeat does nothing even if
 * something else has been set meanwhile.
 */
const refuseKey: MiddlewareHandler = (c, next) => {
  if (c.req.header('idempotency-key') === undefined) return next()
  throw invalidRequest([{ path: ['Idempotency-Key'], message: 'is not taken by this path' }])
}

const REPEATS = ' A repeat sets the same again, and writes nothing if it is so already. With an ' +
  'Idempotency-Key it is invalid_request.'

type SetControl = ReturnType<typeof createSetControl>

/** Sets a control. Before the response, the cache has the snapshot after it. */
function createSetControl({ ledger, snapshots }: ControlsDependencies) {
  return async function setControl(
    c: Context,
    userId: number,
    operation: ControlOperation,
    { reason, creditLimit }: { reason?: string | undefined; creditLimit?: string },
  ) {
    const deadline = c.get('deadline')
    if (deadline) deadline.isSent = true
    const actor = c.get('caller')?.name
    const { frozen_at, credit_limit } = await ledger
      .setControl({ operation, userId, creditLimit, reason, actor })
      .catch((error: unknown) => {
        // One server of several does it all, so its coordinator can't know either.
        const isUnknown = isOutcomeUnknown(error) || codeOf(error) === '08006'
        if (!isUnknown) throw error
        snapshots.invalidate(userId)
        throw new Problem('outcome_unknown', {}, { cause: error })
      })
    const found = await snapshots.read(userId, { fresh: true }).catch((cause: unknown) => {
      snapshots.invalidate(userId)
      // It is done, so `busy` would be a lie.
      throw new Problem('outcome_unknown', {}, { cause })
    })
    if (!found) throw new Problem('unknown_user')
    return json(c, { ...found.snapshot, frozen_at, credit_limit })
  }
}

/** GET controls, and POST freeze, thaw and credit-limit, under /users/:id. */
export function controlsRoutes(dependencies: ControlsDependencies) {
  const routes = new Hono()
  const setControl = createSetControl(dependencies)
  addListControls(routes, dependencies)
  addFreezeAndThaw(routes, setControl)
  addSetCreditLimit(routes, setControl)
  return routes
}

function addListControls(routes: Hono, { ledger, longReads }: ControlsDependencies) {
  routes.get(
    '/:id/controls',
    describe({
      operationId: 'listControls',
      tag: 'Users',
      summary: 'Whether a user is frozen, and its credit limit',
      description:
        'With who set them, when and why, newest first. A page ends before its `limit` ' +
        'where it has a megabyte; `next` tells.',
      responses: { 200: { schema: controlsPage } },
      problems: ['invalid_request', 'unknown_user', 'busy'],
    }),
    validated('param', idParam),
    validated('query', controlsQuery),
    async (c) => {
      const userId = Number(c.req.valid('param').id)
      const { limit, before } = c.req.valid('query')
      const maxRows = Number(limit ?? DEFAULT_LIMIT)
      const state = await ledger.getUserState(userId)
      if (!state) throw new Problem('unknown_user')
      const below = before === undefined ? undefined : Number(before)
      const page = { before: below, maxRows: maxRows + 1 }
      const turns = isLongRead(page) ? longReads : undefined
      const changes = await longRead(turns, c, () => ledger.listControls(userId, page))
      const shown = rowsOfPage(changes, maxRows)
      const next = changes.length > shown.length ? shown.at(-1)!.number : null
      return json(c, { id: userId, ...state, changes: shown, next })
    },
  )
}

function addFreezeAndThaw(routes: Hono, setControl: SetControl) {
  for (
    const [path, operation, operationId, summary] of [
      ['freeze', 'FREEZE', 'freezeUser', 'Take nothing from a user until it is thawed'],
      ['thaw', 'THAW', 'thawUser', 'Let a frozen user spend again'],
    ] as const
  ) {
    routes.post(
      `/:id/${path}`,
      describe({
        operationId,
        tag: 'Users',
        summary,
        description:
          'From a frozen user nothing is taken, and nothing is held. Credits, releases ' +
          'and repeats of what was done go on.' + REPEATS,
        responses: { 200: { schema: controlled } },
        problems: PROBLEMS,
      }),
      validated('param', idParam),
      refuseKey,
      jsonBody,
      validated('json', reasonBody),
      (c) => setControl(c, Number(c.req.valid('param').id), operation, c.req.valid('json')),
    )
  }
}

function addSetCreditLimit(routes: Hono, setControl: SetControl) {
  routes.post(
    '/:id/credit-limit',
    describe({
      operationId: 'setCreditLimit',
      tag: 'Users',
      summary: 'Set how far below zero the balance of a user may go',
      description:
        '`available` is the balance, less what is held, plus the limit. One below what ' +
        'is used already only keeps more from being taken.' + REPEATS,
      responses: { 200: { schema: controlled } },
      problems: PROBLEMS,
    }),
    validated('param', idParam),
    refuseKey,
    jsonBody,
    validated('json', creditLimitBody),
    (c) => {
      const { credit_limit, reason } = c.req.valid('json')
      const userId = Number(c.req.valid('param').id)
      return setControl(c, userId, 'CREDIT LIMIT', { reason, creditLimit: String(credit_limit) })
    },
  )
}
