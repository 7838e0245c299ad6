/** Responds with problems: the one place where failures become responses. */
import type { Context, Hono } from 'hono'
import { Problem, problemOf, PROBLEMS } from '../core/errors.ts'
import { respond, setHeader } from '../http/response.ts'

const RETRY_AFTER_SECONDS = 1
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** The problem of a failed request. */
export const problemIn = (c: Context, error: unknown): Problem =>
  problemOf(error, { writes: c.req.method === 'POST' })

/**
 * Makes the app respond with a problem to unknown paths, wrong methods and every Error thrown.
 */
export function withProblems(app: Hono, refuse: (c: Context, error: Error) => Response): Hono {
  app.notFound((c) => {
    const allowed = METHODS.filter((method) => answersTo(app, method, c.req.path))
    if (allowed.length === 0) return respondWithProblem(c, new Problem('not_found'))
    if (allowed[0] === 'GET') allowed.splice(1, 0, 'HEAD')
    setHeader(c, 'Allow', allowed.join(', '))
    return respondWithProblem(c, new Problem('method_not_allowed'))
  })

  app.onError((error, c) => refuse(c, error))

  return app
}

/** Responds with a problem (RFC 9457). */
export function respondWithProblem(c: Context, problem: Problem): Response {
  const { status } = PROBLEMS[problem.code]
  if (status === 503) setHeader(c, 'Retry-After', String(RETRY_AFTER_SECONDS))
  // The rest of a body that is too large is still on its way, and would be taken for the next
  // request.
  if (problem.code === 'payload_too_large') setHeader(c, 'Connection', 'close')
  // The app for metrics has no limits.
  const members = problem.membersAt(c.get('limits')?.publicPath ?? '')
  return respond(c, JSON.stringify(members), { status, type: 'application/problem+json' })
}

/** Whether the app has a route, and not only middleware, for this method and path. */
const answersTo = (app: Hono, method: string, path: string): boolean =>
  app.router.match(method, path)[0].some(([[, route]]) => route.method === method)
