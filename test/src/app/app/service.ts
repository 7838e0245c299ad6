/** The service of app.test.ts, and its routes. */
import { createApp } from '../../../../src/app/app.ts'
import { DEFAULT_LIMITS } from '../../../../src/config/limits.ts'
import { dependenciesThat } from '../../../support/dependencies.ts'
import { answerOf, type Call, useHttp } from '../../../support/http.ts'

export const http = useHttp()
export const call: Call = (...request) => http.call(...request)

export const ROUTES: Record<string, string[]> = {
  '/users': ['GET', 'HEAD', 'POST'],
  '/entries': ['GET', 'HEAD'],
  '/operations': ['POST'],
  '/users/1/holds/1': ['GET', 'HEAD'],
  '/users/1/controls': ['GET', 'HEAD'],
  '/users/1/freeze': ['POST'],
  '/users/1/thaw': ['POST'],
  '/users/1/credit-limit': ['POST'],
  '/users/1': ['GET', 'HEAD'],
  '/users/1/debit': ['POST'],
  '/users/1/credit': ['POST'],
  '/users/1/recalculate': ['POST'],
  '/users/1/history': ['GET', 'HEAD'],
  '/users/1/history/1': ['GET', 'HEAD'],
  '/users/1/history/1/reverse': ['POST'],
  '/users/1/balance': ['GET', 'HEAD'],
  '/users/1/verify': ['GET', 'HEAD'],
  '/users/1/holds': ['GET', 'HEAD', 'POST'],
  '/users/1/holds/1/capture': ['POST'],
  '/users/1/holds/1/release': ['POST'],
  '/transfers': ['POST'],
  '/debits': ['POST'],
  '/metrics': ['GET', 'HEAD'],
  '/healthz': ['GET', 'HEAD'],
  '/livez': ['GET', 'HEAD'],
  '/readyz': ['GET', 'HEAD'],
  '/openapi.json': ['GET', 'HEAD'],
  '/docs': ['GET', 'HEAD'],
}
/** All but the one whose body is a list. */
export const POSTS = Object.keys(ROUTES)
  .filter((path) => ROUTES[path]!.includes('POST') && !['/debits', '/operations'].includes(path))
export const NOT_JSON = { errors: [{ path: '', message: 'must be JSON in UTF-8' }] }

/** An app whose ledger answers everything with this. */
export function appWith(
  write: () => Promise<never>,
  failures: unknown[] = [],
  limits = DEFAULT_LIMITS,
) {
  return createApp({
    ...dependenciesThat(write),
    limits,
    notReady: () => Promise.resolve('The reason.'),
    onFailure: (what, error) => void failures.push([what, error]),
  })
}

export const debit = async (app: ReturnType<typeof appWith>) =>
  await answerOf(
    await app.request('/users/1/debit', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"amount":1}',
    }),
  )
