/** The history of a user: entries, statements, balances, verification, reversals. */
import { Hono } from 'hono'
import { accepts } from 'hono/accepts'
import { json, setVary } from '../http/response.ts'
import { Problem } from '../core/errors.ts'
import { invalidRequest } from '../core/invalid_request.ts'
import { createFairSemaphore, type FairSemaphore } from '../core/semaphore.ts'
import type { Ledger } from '../ledger/functions.ts'
import type { Write } from '../ledger/write.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { callerKey } from '../auth/caller.ts'
import { validated } from '../http/validate.ts'
import type { Verify } from '../ledger/verification.ts'
import { describe } from './describe.ts'
import { entry, entryParam, idParam } from './schemas.ts'
import { addReverseEntry } from './reverse_entry.ts'
import { anySeqIf, minSeqOf } from './history_conditions.ts'
import { readPage } from './history_page.ts'
import { createStatementResponse, STATEMENT_MEDIA, STATEMENTS } from './history_statement.ts'
import { balanceAt, balanceQuery, historyQuery, page, verification } from './history_schemas.ts'

export interface HistoryDependencies {
  ledger: Pick<
    Ledger,
    'getUsers' | 'getHistory' | 'findEntries' | 'getStatement' | 'getEntry' | 'getMoments'
  >
  verify: Verify
  write: Write
  /** Shares long reads among callers. Default: no limit. */
  longReads?: FairSemaphore
  metrics: Pick<Metrics, 'verified'>
  /** Called for failures of the service itself. */
  onFailure: (what: string, error: unknown) => void
}

/** GET history, an entry of it, balance and verify, and POST reverse, under /users/:id. */
export function historyRoutes(dependencies: HistoryDependencies) {
  const routes = new Hono()
  addListEntries(routes, dependencies)
  addGetEntry(routes, dependencies)
  addReverseEntry(routes, dependencies)
  addGetBalanceAt(routes, dependencies)
  addVerifyUser(routes, dependencies)
  return routes
}

function addListEntries(
  routes: Hono,
  { ledger, longReads = createFairSemaphore({ perKey: Infinity }), onFailure }: HistoryDependencies,
) {
  const respondWithStatement = createStatementResponse({ ledger, longReads, onFailure })

  routes.get(
    '/:id/history',
    describe({
      operationId: 'listEntries',
      tag: 'Entries',
      summary: 'The entries of a user, newest first; or a statement',
      description: 'With Accept: text/csv or application/x-ndjson the whole statement after ' +
        '`from` (or behind `after`) up to `to`, oldest first: the opening balance, every entry that ' +
        'was posted in between, the closing balance with the hash of the last entry. The next one ' +
        'begins where the closing line says, by `from` or `after`: no entry is in neither or both. ' +
        'A statement without its closing line broke off. A page ends before its `limit` where it has a megabyte; ' +
        '`next` tells. A page with a condition (`action`, `key`, `metadata.<name>=` for the text of ' +
        'a member of metadata) looks at 10,000 entries at most, so it may be short or empty ' +
        'though there are more. `after` is for statements, the others but `from`, `to` and ' +
        '`min_seq` for pages.',
      responses: {
        200: { schema: page, media: STATEMENT_MEDIA, headers: ['Content-Disposition'] },
      },
      problems: ['invalid_request', 'unknown_user', 'busy'],
    }),
    validated('param', idParam),
    validated('query', historyQuery),
    async (c) => {
      const userId = Number(c.req.valid('param').id)
      const query = c.req.valid('query')
      const type = accepts(c, {
        header: 'Accept',
        supports: ['application/json', ...Object.keys(STATEMENTS)],
        default: 'application/json',
      })
      const format = STATEMENTS[type]
      setVary(c, 'Accept')
      const other = Object.keys(query).find((name) =>
        format ? !['from', 'to', 'after', 'min_seq'].includes(name) : name === 'after'
      )
      if (other !== undefined) {
        throw invalidRequest([{
          path: [other],
          message: `is for ${format ? 'pages of JSON' : 'statements'}; see Accept`,
        }])
      }
      if (format) return await respondWithStatement(c, userId, query, format)
      const page = await readPage({ ledger, longReads }, c, userId, query)
      if (page.entries.length === 0) await findUser(ledger, userId)
      return json(c, page)
    },
  )
}

function addGetEntry(routes: Hono, { ledger }: HistoryDependencies) {
  routes.get(
    '/:id/history/:seq',
    describe({
      operationId: 'getEntry',
      tag: 'Entries',
      summary: 'An entry of a user',
      description: 'The same for ever, but for `reversed_by` and `reversed`.',
      responses: { 200: { schema: entry } },
      problems: ['invalid_request', 'unknown_user', 'unknown_entry', 'busy'],
    }),
    validated('param', entryParam),
    async (c) => {
      const { id, seq } = c.req.valid('param')
      const found = await ledger.getEntry(Number(id), Number(seq))
      if (found) return json(c, found)
      await findUser(ledger, Number(id))
      throw new Problem('unknown_entry')
    },
  )
}

function addGetBalanceAt(routes: Hono, { ledger }: HistoryDependencies) {
  routes.get(
    '/:id/balance',
    describe({
      operationId: 'getBalanceAt',
      tag: 'Users',
      summary: 'What the ledger held at a moment',
      description:
        'The balance after the last entry that had been posted by then, the same for ever. Without ' +
        '`at`: as of the last entry. `busy`: somebody holds the user and may still post before it.',
      responses: { 200: { schema: balanceAt } },
      problems: ['invalid_request', 'unknown_user', 'busy'],
    }),
    validated('param', idParam),
    validated('query', balanceQuery),
    async (c) => {
      const id = Number(c.req.valid('param').id)
      const query = c.req.valid('query')
      const minSeq = minSeqOf(query) ?? anySeqIf(query.at)
      const [moment] = await ledger.getMoments(id, [query.at ?? null], minSeq)
      const { at, balance, seq, isFuture } = moment!
      if (isFuture) throw invalidRequest([{ path: ['at'], message: 'must not be in the future' }])
      return json(c, { id, at, balance, seq })
    },
  )
}

function addVerifyUser(routes: Hono, { ledger, verify, metrics }: HistoryDependencies) {
  routes.get(
    '/:id/verify',
    describe({
      operationId: 'verifyUser',
      tag: 'Users',
      summary: 'Whether the history of a user proves its balance',
      description: 'Reads as many entries as it can in about 4 seconds: a longer history without ' +
        'findings up to there is `busy`, with a `detail`.',
      responses: { 200: { schema: verification } },
      problems: ['invalid_request', 'unknown_user', 'busy'],
    }),
    validated('param', idParam),
    async (c) => {
      const id = Number(c.req.valid('param').id)
      const { snapshot } = await findUser(ledger, id)
      const { entries, findings, isPartial } = await verify(id, snapshot.seq, callerKey(c))
      metrics.verified(id, findings.length)
      const ok = findings.length === 0
      return json(c, { id, ok, entries, findings, ...(isPartial && { partial: true }) })
    },
  )
}

/** @throws Problem unknown_user */
async function findUser(ledger: Pick<Ledger, 'getUsers'>, userId: number) {
  const user = (await ledger.getUsers([userId])).get(userId)
  if (!user) throw new Problem('unknown_user')
  return user
}
