/** What happened to a user, and what it adds up to: validate → call → respond. */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { accepts } from 'hono/accepts'
import { describeRoute } from 'hono-openapi'
import type { z } from 'zod'
import { answer, json, setHeader, setVary } from '../answer.ts'
import { stringify } from '../core/raw_json.ts'
import { Problem } from '../errors.ts'
import { createFairTurns, type FairTurns } from '../fair_turns.ts'
import type { Entry, Ledger } from '../ledger.ts'
import type { Write } from '../ledger/write.ts'
import type { Metrics } from '../metrics.ts'
import { type Moment, SHORT_ROWS } from '../ledger_reads.ts'
import { answers, WRITE_PROBLEMS } from '../openapi.ts'
import { CSV, NDJSON, type StatementFormat, statementStream } from '../statement.ts'
import { callerKey } from '../rate_limit.ts'
import { idempotencyKey, jsonBody, validated } from '../validate.ts'
import type { Verify } from '../verification.ts'
import { created, metadataText } from './created.ts'
import { entry, entryParam, idParam, metadataBody, posted } from './schemas.ts'
import { balanceAt, balanceQuery, historyQuery, page, verification } from './history_schemas.ts'

const DEFAULT_LIMIT = 50
/** Entries that a long page reads at once. */
const PART_ROWS = 250
/** Characters of JSON after which a page ends. */
const MAX_PAGE_LENGTH = 1_048_576
const STATEMENTS: Record<string, StatementFormat> = {
  'text/csv': CSV,
  'application/x-ndjson': NDJSON,
}

export interface HistoryDependencies {
  ledger: Pick<
    Ledger,
    'getUsers' | 'getHistory' | 'getStatement' | 'getEntry' | 'getMoments'
  >
  verify: Verify
  write: Write
  /** Of the reads that take long, by caller; left out: none waits. */
  longReads?: FairTurns
  metrics: Pick<Metrics, 'verified'>
  /** Told of failures that are ours. */
  onFailure: (what: string, error: unknown) => void
}

const invalid = (path: string, message: string) =>
  new Problem('invalid_request', { errors: [{ path, message }] })

/** GET history, an entry of it, balance and verify, and POST reverse, under /users/:id. */
export function historyRoutes(
  {
    ledger,
    verify,
    longReads = createFairTurns({ perKey: Infinity }),
    write,
    metrics,
    onFailure,
  }: HistoryDependencies,
) {
  const history = new Hono<{ Variables: { key?: string } }>()

  async function known(userId: number) {
    const user = (await ledger.getUsers([userId])).get(userId)
    if (!user) throw new Problem('unknown_user')
    return user
  }

  /** Newest first; a long page in parts, each in a turn of its own, until there is too much of it. */
  async function entriesOf(c: Context, userId: number, below: number | undefined, rows: number) {
    if (rows <= SHORT_ROWS) {
      return { entries: await ledger.getHistory(userId, below, rows), isCut: false }
    }
    const entries: Entry[] = []
    let length = 0
    for (;;) {
      const before = entries.at(-1)?.seq ?? below
      const wanted = Math.min(PART_ROWS, rows - entries.length)
      const part = await longReads.take(
        callerKey(c),
        () => ledger.getHistory(userId, before, wanted),
        { isOver: () => c.get('deadline')?.isOver ?? false },
      )
      for (const one of part) {
        entries.push(one)
        length += stringify(one).length
        // This one, too, only tells that there are more.
        if (length > MAX_PAGE_LENGTH && entries.length > 1) return { entries, isCut: true }
      }
      if (part.length < wanted || entries.length === rows) return { entries, isCut: false }
    }
  }

  async function pageOf(
    c: Context,
    userId: number,
    { limit, before }: z.infer<typeof historyQuery>,
  ) {
    const maxRows = Number(limit ?? DEFAULT_LIMIT)
    const below = before === undefined ? undefined : Number(before)
    // One more than asked for tells whether there is another page.
    const { entries, isCut } = await entriesOf(c, userId, below, maxRows + 1)
    if (entries.length === 0) await known(userId)
    const shown = entries.slice(0, isCut ? -1 : maxRows)
    return { entries: shown, next: entries.length > shown.length ? shown.at(-1)!.seq : null }
  }

  /** A transfer goes back whole, so its other user must be one that the caller may write to. */
  async function mayReverse(userId: number, seq: number, users: ReadonlySet<number>) {
    let found = await ledger.getEntry(userId, seq)
    if (!found) {
      // A manual entry may be about to get this number.
      await write({ kind: 'recalculate', userId })
      found = await ledger.getEntry(userId, seq)
    }
    // One that comes only now may be half of a transfer.
    if (!found) throw new Problem('unknown_entry')
    if (found.transfer && !users.has(found.transfer.user_id)) throw new Problem('forbidden')
  }

  /** What a statement begins and ends with. Both are final: the next one goes on where this ends. */
  async function boundsOf(userId: number, { from, to, after }: z.infer<typeof historyQuery>) {
    const moments = await ledger.getMoments(userId, [from ?? '-infinity', to ?? null, null])
    const [opening, end, last] = moments as [Moment, Moment, Moment]
    // Without an end it is the last entry, or the beginning if nothing was posted since.
    const isOpen = to === undefined || end.isFuture
    const closing = isOpen ? (opening.at ?? '') > last.at! ? opening : last : end
    if (opening.isFuture || (opening.at ?? '') > closing.at!) {
      throw invalid('from', 'must not be after to, or in the future')
    }
    if (after === undefined || Number(after) === 0) return { opening, closing }
    if (from !== undefined) throw invalid('after', 'can not be given with from')
    if (Number(after) > closing.seq) throw invalid('after', 'must not be behind the last entry')
    const [before] = await ledger.getStatement(userId, Number(after) - 1, Number(after), 1)
    if (!before) throw new Error('get_statement: an entry is missing')
    const { posted_at: at, seq, balance, hash } = before
    return { opening: { at, seq, balance, hash, isFuture: false }, closing }
  }

  async function statement(
    c: Context,
    userId: number,
    query: z.infer<typeof historyQuery>,
    format: StatementFormat,
  ) {
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
    return answer(c, stream, { type: format.contentType })
  }

  history.get(
    '/:id/history',
    describeRoute({
      summary: 'The entries of a user, newest first; or a statement',
      description: 'With Accept: text/csv or application/x-ndjson the whole statement after ' +
        '`from` (or behind `after`) up to `to`, oldest first: the opening balance, every entry that ' +
        'was posted in between, the closing balance with the hash of the last entry. The next one ' +
        'begins where the closing line says, by `from` or `after`: no entry is in neither or both. ' +
        'A statement without its closing line broke off. A page ends before its `limit` where it has a megabyte; ' +
        '`next` tells. `limit` and `before` are for pages.',
      ...answers(
        { 200: page },
        ['invalid_request', 'unknown_user', 'busy'],
        Object.keys(STATEMENTS),
      ),
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
      for (
        const name of format ? ['limit', 'before'] as const : ['from', 'to', 'after'] as const
      ) {
        if (query[name] === undefined) continue
        throw invalid(name, `is for ${format ? 'pages of JSON' : 'statements'}; see Accept`)
      }
      return format
        ? await statement(c, userId, query, format)
        : json(c, await pageOf(c, userId, query))
    },
  )

  history.get(
    '/:id/history/:seq',
    describeRoute({
      summary: 'An entry of a user',
      ...answers({ 200: entry }, ['invalid_request', 'unknown_user', 'unknown_entry', 'busy']),
    }),
    validated('param', entryParam),
    async (c) => {
      const { id, seq } = c.req.valid('param')
      const found = await ledger.getEntry(Number(id), Number(seq))
      if (found) return json(c, found)
      await known(Number(id))
      throw new Problem('unknown_entry')
    },
  )

  history.post(
    '/:id/history/:seq/reverse',
    describeRoute({
      summary: 'Take an entry back, at most once; the half of a transfer with the other half',
      ...answers({ 201: posted }, [
        ...WRITE_PROBLEMS,
        'unknown_entry',
        'already_reversed',
        'insufficient_funds',
        'balance_out_of_range',
      ]),
    }),
    validated('param', entryParam),
    idempotencyKey,
    jsonBody,
    validated('json', metadataBody),
    async (c) => {
      const { id, seq } = c.req.valid('param')
      const [userId, ref] = [Number(id), Number(seq)]
      const users = c.get('caller')?.users
      if (users) await mayReverse(userId, ref, users)
      const reversed = await write({
        kind: 'reverse',
        userId,
        ref,
        key: c.get('key'),
        deadline: c.get('deadline'),
        metadata: metadataText(c.req.valid('json').metadata),
      })
      return created(c, reversed)
    },
  )

  history.get(
    '/:id/balance',
    describeRoute({
      summary: 'What the ledger held at a moment',
      description:
        'The balance after the last entry that had been posted by then, the same for ever. Without ' +
        '`at`: as of the last entry. `busy`: somebody holds the user and may still post before it.',
      ...answers({ 200: balanceAt }, ['invalid_request', 'unknown_user', 'busy']),
    }),
    validated('param', idParam),
    validated('query', balanceQuery),
    async (c) => {
      const id = Number(c.req.valid('param').id)
      const [moment] = await ledger.getMoments(id, [c.req.valid('query').at ?? null])
      const { at, balance, seq, isFuture } = moment!
      if (isFuture) throw invalid('at', 'must not be in the future')
      return json(c, { id, at, balance, seq })
    },
  )

  history.get(
    '/:id/verify',
    describeRoute({
      summary: 'Whether the history of a user proves its balance',
      description: 'Reads as many entries as it can in about 4 seconds: a longer history without ' +
        'findings up to there is `busy`, with a `detail`.',
      ...answers({ 200: verification }, ['invalid_request', 'unknown_user', 'busy']),
    }),
    validated('param', idParam),
    async (c) => {
      const id = Number(c.req.valid('param').id)
      const { snapshot } = await known(id)
      const { entries, findings, isPartial } = await verify(id, snapshot.seq, callerKey(c))
      metrics.verified(id, findings.length)
      const ok = findings.length === 0
      return json(c, { id, ok, entries, findings, ...(isPartial && { partial: true }) })
    },
  )

  return history
}
