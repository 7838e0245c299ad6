/** Requests to each route, and which scope they need. */
import type { Scope } from '../../../../src/auth/scopes.ts'
import { OWN, type Request } from './callers.ts'

interface Row {
  needs: Scope | 'any' | 'open'
  /** What a caller sends here for this user: everywhere that a user can be named. */
  send: (user: number) => Request[]
}

const metadata = { note: 1 }
export const ROWS: Record<string, Row> = {
  'GET /users/:id': {
    needs: 'read',
    send: (u) => [['GET', `/users/${u}`], ['HEAD', `/users/${u}`]],
  },
  'GET /users/:id/history': { needs: 'read', send: (u) => [['GET', `/users/${u}/history`]] },
  'GET /users/:id/history/:seq': { needs: 'read', send: (u) => [['GET', `/users/${u}/history/1`]] },
  'GET /users/:id/balance': { needs: 'read', send: (u) => [['GET', `/users/${u}/balance`]] },
  'GET /users/:id/verify': { needs: 'read', send: (u) => [['GET', `/users/${u}/verify`]] },
  'GET /balances': { needs: 'read', send: (u) => [['GET', `/balances?ids=${u}`]] },
  'POST /users/:id/debit': {
    needs: 'debit',
    send: (u) => [['POST', `/users/${u}/debit`, { amount: 1, metadata }]],
  },
  'POST /users/:id/credit': {
    needs: 'credit',
    send: (u) => [['POST', `/users/${u}/credit`, { amount: 1 }]],
  },
  'POST /users/:id/recalculate': {
    needs: 'admin',
    send: (u) => [['POST', `/users/${u}/recalculate`]],
  },
  'GET /users/:id/holds': { needs: 'read', send: (u) => [['GET', `/users/${u}/holds`]] },
  'GET /users/:id/holds/:hold': { needs: 'read', send: (u) => [['GET', `/users/${u}/holds/1`]] },
  'GET /users/:id/controls': { needs: 'read', send: (u) => [['GET', `/users/${u}/controls`]] },
  'POST /users/:id/freeze': { needs: 'admin', send: (u) => [['POST', `/users/${u}/freeze`]] },
  'POST /users/:id/thaw': { needs: 'admin', send: (u) => [['POST', `/users/${u}/thaw`]] },
  'POST /users/:id/credit-limit': {
    needs: 'admin',
    send: (u) => [['POST', `/users/${u}/credit-limit`, { credit_limit: 0 }]],
  },
  'POST /users/:id/history/:seq/reverse': {
    needs: 'reverse',
    send: (u) => [['POST', `/users/${u}/history/1/reverse`, {}]],
  },
  'POST /users/:id/holds': {
    needs: 'hold',
    send: (u) => [['POST', `/users/${u}/holds`, { amount: 1 }]],
  },
  'POST /users/:id/holds/:hold/capture': {
    needs: 'hold',
    send: (u) => [['POST', `/users/${u}/holds/1/capture`, {}]],
  },
  'POST /users/:id/holds/:hold/extend': {
    needs: 'hold',
    send: (u) => [['POST', `/users/${u}/holds/1/extend`, { expires_in: null }]],
  },
  'POST /users/:id/holds/:hold/release': {
    needs: 'hold',
    send: (u) => [['POST', `/users/${u}/holds/1/release`, {}]],
  },
  // Who is bound gets what is theirs, of which more below.
  'GET /users': { needs: 'read', send: () => [['GET', '/users'], ['HEAD', '/users']] },
  'POST /users': { needs: 'admin', send: (u) => [['POST', '/users', { id: u }]] },
  'POST /transfers': {
    needs: 'transfer',
    send: (u) => [
      ['POST', '/transfers', { from: OWN, to: u, amount: 1 }],
      ['POST', '/transfers', { from: u, to: OWN, amount: 1 }],
    ],
  },
  // Each item has an answer of its own, of which more below.
  'POST /debits': {
    needs: 'debit',
    send: () => [['POST', '/debits', [{ user_id: OWN, amount: 1 }]]],
  },
  // As POST /debits, whatever an item needs.
  'POST /operations': {
    needs: 'any',
    send: () => [['POST', '/operations', [{ kind: 'recalculate', user_id: OWN }]]],
  },
  // Not for who is bound, of which more below.
  'GET /entries': { needs: 'journal', send: () => [['GET', '/entries'], ['HEAD', '/entries']] },
  // Those of everybody need more, of which more below.
  'GET /events': {
    needs: 'read',
    send: (u) => [['GET', `/events?user=${u}`], ['HEAD', `/events?user=${u}`]],
  },
  'GET /metrics': { needs: 'admin', send: () => [['GET', '/metrics'], ['HEAD', '/metrics']] },
  // Whoever has a valid token may ask what it is good for.
  'GET /me': { needs: 'any', send: () => [['GET', '/me'], ['HEAD', '/me']] },
  'GET /console': { needs: 'open', send: () => [['GET', '/console'], ['HEAD', '/console']] },
  'GET /console/:folder/:file': {
    needs: 'open',
    send: () => [['GET', '/console/app/page.css']],
  },
  'GET /openapi.json': { needs: 'open', send: () => [['GET', '/openapi.json']] },
  'GET /': { needs: 'open', send: () => [['GET', '/'], ['HEAD', '/']] },
  'GET /docs/:file': { needs: 'open', send: () => [['GET', '/docs/docs.css']] },
  'GET /docs': { needs: 'open', send: () => [['GET', '/docs'], ['HEAD', '/docs']] },
  'OPTIONS /': { needs: 'open', send: () => [['OPTIONS', '/']] },
  'GET /healthz': { needs: 'open', send: () => [['GET', '/healthz']] },
  'GET /livez': { needs: 'open', send: () => [['GET', '/livez'], ['HEAD', '/livez']] },
  'GET /readyz': { needs: 'open', send: () => [['GET', '/readyz'], ['HEAD', '/readyz']] },
}
export const NAMES = Object.keys(ROWS)
export const BOUND = NAMES.filter((name) =>
  /:id/.test(name) || /(POST \/(users|transfers)|GET \/(balances|events))$/.test(name)
)
export const requestsOf = (names: string[], user = OWN) =>
  names.flatMap((name) => ROWS[name]!.send(user))
