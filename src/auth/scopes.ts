/** The scope that each route needs. A route without a line here is closed to everybody. */
import type { Context } from 'hono'
import { matchedRoutes } from 'hono/route'

export const SCOPES = [
  'read',
  'debit',
  'credit',
  'transfer',
  'hold',
  'reverse',
  'journal',
  'admin',
] as const

export type Scope = typeof SCOPES[number]

/**
 * `open`: no token is needed. `any`: any valid token. Otherwise: the scope that the token needs.
 */
export type Rule = Scope | 'any' | 'open'

/** Rules by method and route pattern. No scope includes another one. */
export const RULES: Readonly<Record<string, Rule>> = {
  'GET /users/:id': 'read',
  'GET /users/:id/history': 'read',
  'GET /users/:id/history/:seq': 'read',
  'GET /users/:id/balance': 'read',
  'GET /users/:id/verify': 'read',
  'GET /balances': 'read',
  'POST /users/:id/debit': 'debit',
  'POST /debits': 'debit',
  // Each item needs the scope of its own route.
  'POST /operations': 'any',
  'POST /users/:id/credit': 'credit',
  'POST /transfers': 'transfer',
  'POST /users/:id/holds': 'hold',
  'POST /users/:id/holds/:hold/capture': 'hold',
  'POST /users/:id/holds/:hold/extend': 'hold',
  'POST /users/:id/holds/:hold/release': 'hold',
  'POST /users/:id/history/:seq/reverse': 'reverse',
  'POST /users/:id/recalculate': 'admin',
  'GET /users/:id/holds': 'read',
  'GET /users/:id/holds/:hold': 'read',
  'GET /entries': 'journal',
  // Of everybody `journal`, too.
  'GET /events': 'read',
  'GET /users/:id/controls': 'read',
  'POST /users/:id/freeze': 'admin',
  'POST /users/:id/thaw': 'admin',
  'POST /users/:id/credit-limit': 'admin',
  'GET /users': 'read',
  'POST /users': 'admin',
  'GET /metrics': 'admin',
  'GET /me': 'any',
  // These are open: each problem's type links to them, and a browser that follows it has no token.
  'GET /openapi.json': 'open',
  'GET /docs': 'open',
  'GET /docs/:file': 'open',
  // It asks for a token itself.
  'GET /console': 'open',
  'GET /console/:folder/:file': 'open',
  'GET /': 'open',
  'OPTIONS /': 'open',
  'GET /healthz': 'open',
  'GET /livez': 'open',
  'GET /readyz': 'open',
}

/** The rule of the route that will respond; `any` if there is no such route. */
export function ruleOf(c: Context): Rule | undefined {
  const route = matchedRoutes(c).findLast(({ method }) => method !== 'ALL')
  return route ? RULES[`${route.method} ${route.path}`] : 'any'
}
