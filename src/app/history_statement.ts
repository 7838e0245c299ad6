/** Responds with a statement: what was posted to a user between two moments, as a stream. */
import type { Context } from 'hono'
import type { z } from 'zod'
import { respond, setHeader } from '../http/response.ts'
import { invalidRequest } from '../core/invalid_request.ts'
import type { FairSemaphore } from '../core/semaphore.ts'
import type { Ledger } from '../ledger/functions.ts'
import type { Moment } from '../ledger/read_functions.ts'
import { callerKey } from '../auth/caller.ts'
import { CSV, NDJSON, type StatementFormat, statementStream } from '../ledger/statement.ts'
import type { Media } from './describe.ts'
import { CSV_STATEMENT, NDJSON_STATEMENT } from './examples.ts'
import { anySeqIf, minSeqOf } from './history_conditions.ts'
import type { historyQuery } from './history_schemas.ts'

/** Formats by the media type that a client accepts. */
export const STATEMENTS: Record<string, StatementFormat> = {
  'text/csv': CSV,
  'application/x-ndjson': NDJSON,
}

/** What OpenAPI says of them. */
export const STATEMENT_MEDIA: Record<string, Media> = {
  'text/csv': {
    schema: { type: 'string', contentMediaType: 'text/csv' },
    example: CSV_STATEMENT,
  },
  'application/x-ndjson': {
    schema: {
      type: 'string',
      contentMediaType: 'application/x-ndjson',
      contentSchema: { $ref: '#/components/schemas/StatementLine' },
      description: 'Lines, each of which is JSON.',
    },
    example: NDJSON_STATEMENT,
  },
}

export interface StatementDependencies {
  ledger: Pick<Ledger, 'getMoments' | 'getStatement'>
  longReads: FairSemaphore
  /** Called for failures of the service itself. */
  onFailure: (what: string, error: unknown) => void
}

/**
 * Responds with the statement that a query asks for.
 * @throws Problem before anything is sent
 */
export type RespondWithStatement = (
  c: Context,
  userId: number,
  query: z.infer<typeof historyQuery>,
  format: StatementFormat,
) => Promise<Response>

/** Creates the responder for statements. */
export function createStatementResponse(
  { ledger, longReads, onFailure }: StatementDependencies,
): RespondWithStatement {
  /**
   * The opening and the closing of a statement. Both are final, so the next statement can begin
   * where this one ends.
   */
  async function boundsOf(userId: number, query: z.infer<typeof historyQuery>) {
    const { from, to, after } = query
    const asked = [from ?? '-infinity', to ?? null, null]
    const moments = await ledger.getMoments(userId, asked, minSeqOf(query) ?? anySeqIf(to))
    const [opening, end, last] = moments as [Moment, Moment, Moment]
    // Without `to`, a statement ends with the last entry, or where it begins if nothing was posted
    // since.
    const latest = (opening.at ?? '') > last.at! ? opening : last
    const closing = to === undefined || end.isFuture ? latest : end
    if (opening.isFuture || (opening.at ?? '') > closing.at!) {
      throw invalidRequest([{ path: ['from'], message: 'must not be after to, or in the future' }])
    }
    if (after === undefined || Number(after) === 0) return { opening, closing }
    if (from !== undefined) {
      throw invalidRequest([{ path: ['after'], message: 'can not be given with from' }])
    }
    if (Number(after) > closing.seq) {
      throw invalidRequest([{ path: ['after'], message: 'must not be behind the last entry' }])
    }
    const [before] = await ledger.getStatement(userId, Number(after) - 1, Number(after), 1)
    if (!before) throw new Error('get_statement: an entry is missing')
    const { posted_at: at, seq, balance, hash } = before
    return { opening: { at, seq, balance, hash, isFuture: false }, closing }
  }

  return async (c, userId, query, format) => {
    const { opening, closing } = await boundsOf(userId, query)
    setHeader(c, 'Content-Disposition', `attachment; filename="user-${userId}.${format.extension}"`)
    const caller = callerKey(c)
    const getStatement: Ledger['getStatement'] = (...page) =>
      longReads.take(caller, () => ledger.getStatement(...page), { isBegun: true })
    const stream = statementStream({
      ledger: { getStatement },
      userId,
      opening,
      closing,
      format,
      stallMs: c.get('limits').streamStallMs,
      onFailure: (error) => onFailure('/users/:id/history', error),
    })
    return respond(c, stream, { type: format.contentType })
  }
}
