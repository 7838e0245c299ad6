/** Reads the holds of a user: validate → call → respond. */
import { Hono } from 'hono'
import { Problem } from '../core/errors.ts'
import { rowsOfPage } from '../core/page_length.ts'
import type { FairSemaphore } from '../core/semaphore.ts'
import { json } from '../http/response.ts'
import { validated } from '../http/validate.ts'
import type { Ledger } from '../ledger/functions.ts'
import { isLongHoldsRead } from '../ledger/search_functions.ts'
import { describe } from './describe.ts'
import { longRead } from './long_read.ts'
import { heldHold, holdParam, holdsPage, holdsQuery } from './schemas_holds.ts'
import { idParam } from './schemas.ts'

const DEFAULT_LIMIT = 50

export interface HeldDependencies {
  ledger: Pick<Ledger, 'listHolds' | 'getUsers'>
  /** Turns of long reads, by caller; left out: no limit. */
  longReads?: FairSemaphore
}

/** GET /users/:id/holds, and a hold under it. */
export function heldRoutes({ ledger, longReads }: HeldDependencies) {
  const held = new Hono()

  async function assertKnown(userId: number) {
    if (!(await ledger.getUsers([userId])).has(userId)) throw new Problem('unknown_user')
  }

  held.get(
    '/:id/holds',
    describe({
      operationId: 'listHolds',
      tag: 'Holds',
      summary: 'The holds of a user, by number',
      description:
        'As they are now. A page with a condition looks at 10,000 holds at most, so it ' +
        'may be short, or empty, though there are more: `next` tells.',
      responses: { 200: { schema: holdsPage } },
      problems: ['invalid_request', 'unknown_user', 'busy'],
    }),
    validated('param', idParam),
    validated('query', holdsQuery),
    async (c) => {
      const userId = Number(c.req.valid('param').id)
      const { status, key, after, limit } = c.req.valid('query')
      const maxRows = Number(limit ?? DEFAULT_LIMIT)
      const conditions = { status, key, after: Number(after ?? 0), maxRows: maxRows + 1 }
      const turns = isLongHoldsRead(conditions) ? longReads : undefined
      const read = () => ledger.listHolds(userId, conditions)
      const { holds, scannedTo } = await longRead(turns, c, read)
      if (holds.length === 0) await assertKnown(userId)
      const shown = rowsOfPage(holds, maxRows)
      const next = holds.length > shown.length ? shown.at(-1)!.hold : scannedTo ?? null
      return json(c, { holds: shown, next })
    },
  )

  held.get(
    '/:id/holds/:hold',
    describe({
      operationId: 'getHold',
      tag: 'Holds',
      summary: 'A hold of a user',
      description: 'As it is now; `available` is what was left when it had been placed.',
      responses: { 200: { schema: heldHold } },
      problems: ['invalid_request', 'unknown_user', 'unknown_hold', 'busy'],
    }),
    validated('param', holdParam),
    async (c) => {
      const { id, hold } = c.req.valid('param')
      const conditions = { status: undefined, key: undefined, after: Number(hold) - 1, maxRows: 1 }
      const { holds: [found] } = await ledger.listHolds(Number(id), conditions)
      if (found?.hold === Number(hold)) return json(c, found)
      await assertKnown(Number(id))
      throw new Problem('unknown_hold')
    },
  )

  return held
}
