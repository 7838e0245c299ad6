/** GET /balances: several users as of one moment. */
import { Hono } from 'hono'
import { assertUserAllowed } from '../auth/caller.ts'
import { json } from '../http/response.ts'
import { invalidRequest } from '../core/invalid_request.ts'
import type { Ledger } from '../ledger/functions.ts'
import { validated } from '../http/validate.ts'
import { describe } from './describe.ts'
import { balances as shape, balancesQuery } from './history_schemas.ts'

export interface BalancesDependencies {
  ledger: Pick<Ledger, 'getBalances'>
}

/** GET /balances. */
export function balancesRoutes({ ledger }: BalancesDependencies) {
  return new Hono().get(
    '/',
    describe({
      operationId: 'getBalances',
      tag: 'Users',
      summary: 'What the ledger held for several users at one moment',
      description: 'Both halves of a transfer count from the same moment, so that the sum of ' +
        'those who pay one another is the same at each. The answer to a moment stays the same for ' +
        'ever; `busy`: somebody holds one of the users, and may still post before it.',
      responses: { 200: { schema: shape } },
      problems: ['invalid_request', 'unknown_user', 'busy'],
    }),
    validated('query', balancesQuery),
    async (c) => {
      const query = c.req.valid('query')
      const ids = query.ids.split(',').map(Number)
      assertUserAllowed(c, ...ids)
      const { at, isFuture, balances } = await ledger.getBalances(ids, query.at ?? null)
      if (isFuture) {
        throw invalidRequest([{ path: ['at'], message: 'must not be in the future' }])
      }
      return json(c, { at, balances })
    },
  )
}
