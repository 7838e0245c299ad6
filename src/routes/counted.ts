/** Debits by what became of them, counted around everything else: nobody who is refused is left out. */
import type { MiddlewareHandler } from 'hono'
import { Problem } from '../errors.ts'
import type { Metrics } from '../metrics.ts'

type Counts = Pick<Metrics, 'debit'>

const codeOf = (error: Error): string => error instanceof Problem ? error.code : 'internal'

/** For POST /users/:id/debit. */
export const countDebit = (metrics: Counts): MiddlewareHandler => async (c, next) => {
  await next()
  if (c.req.method !== 'POST') return
  const isReplay = c.res.headers.has('Idempotency-Replayed')
  metrics.debit(c.error ? codeOf(c.error) : isReplay ? 'replayed' : 'ok')
}

/** For POST /debits refused as a whole; otherwise each item has been counted. */
export const countDebits = (metrics: Counts): MiddlewareHandler => async (c, next) => {
  await next()
  if (c.req.method !== 'POST') return
  if (c.error) metrics.debit(codeOf(c.error))
}
