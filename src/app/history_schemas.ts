/** Schemas of the queries and responses of histories. */
import { z } from 'zod'
import * as examples from './examples.ts'
import { entry, hash, INTEGER, integer, money, number, text, timestamp } from './schemas.ts'

const AFTER_MESSAGE = 'must be digits, from 0 to 9007199254740991'
const LIMIT_MESSAGE = 'must be digits, from 1 to 1000'
const MOMENT_MESSAGE = 'must be a moment of RFC 3339 with an offset, such as 2026-01-31T23:59:59Z'
const MOMENT =
  /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[ +-](0\d|1[0-4]):[0-5]\d)$/

/** Whether that day exists, and is after year 0 in UTC, too. */
function isDay(text: string): boolean {
  const [, year, month, day] = MOMENT.exec(text)!.map(Number) as [number, number, number, number]
  const date = new Date(Date.UTC(2000, month - 1, day))
  date.setUTCFullYear(year, month - 1, day)
  const isThere = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return isThere && new Date(text.toUpperCase().replace(' ', '+')).getUTCFullYear() >= 1
}

/**
 * A moment stays a text, because a Date has only milliseconds and entries have microseconds. Finer
 * digits are cut off. A `+` that arrived as a space, as forms encode it, counts as `+`.
 */
const moment = z.string()
  .regex(MOMENT, { message: MOMENT_MESSAGE, abort: true })
  .refine(isDay, MOMENT_MESSAGE)
  .transform((text) => text.replace(' ', '+').replace(/(\.\d{6})\d+/, '$1'))
  .meta({ type: 'string', format: 'date-time', pattern: undefined })

const KEY_MESSAGE = 'must be 1 to 255 visible ASCII characters'
const VALUE_MESSAGE = 'must be given once, with at most 4096 characters, no control characters'

export const keyQuery = z.string(KEY_MESSAGE).regex(/^[!-~]{1,255}$/, KEY_MESSAGE)
  .meta({ pattern: undefined, minLength: 1, maxLength: 255 })

const seqOrZero = z.string().regex(/^\d{1,16}$/, { message: AFTER_MESSAGE, abort: true })
  .refine((seq) => Number.isSafeInteger(Number(seq)), AFTER_MESSAGE)

const minSeq = seqOrZero.optional().meta({
  ...INTEGER,
  minimum: 0,
  description: 'A seq that the caller has seen: the answer has that entry, so it may come from a ' +
    'standby that has it, too.',
  examples: [2],
})

// zod drops `examples` of what it transforms, but not `example`.
export const historyQuery = z.object({
  limit: z.string().regex(/^0*([1-9]\d{0,2}|1000)$/, LIMIT_MESSAGE).optional().meta({
    ...INTEGER,
    maximum: 1000,
    default: 50,
    description: 'Of a page: how many entries.',
    examples: [50],
  }),
  before: number.optional().meta({
    description: 'Of a page: entries below this seq, which is `next` of the page before.',
    examples: [3],
  }),
  from: moment.optional().meta({
    description: 'Entries posted after this moment.',
    example: '2026-01-01T00:00:00Z',
  }),
  to: moment.optional().meta({
    description: 'Entries posted up to this moment, or now.',
    example: '2026-02-01T00:00:00Z',
  }),
  after: seqOrZero.optional().meta({
    ...INTEGER,
    minimum: 0,
    description:
      'Of a statement: entries behind this seq, such as that of the closing line before.',
    examples: [0],
  }),
  min_seq: minSeq,
  action: z.enum(['CREDIT', 'DEBIT'], 'must be one of CREDIT, DEBIT').optional().meta({
    description: 'Of a page: entries with this action.',
    examples: ['DEBIT'],
  }),
  key: keyQuery.optional().meta({
    description: 'Of a page: the entry that was made with this Idempotency-Key.',
    examples: ['order-17'],
  }),
  // metadata.order=17 and the like; a validator of all names has seen that they are such.
}).catchall(z.string(VALUE_MESSAGE).regex(/^[^\p{Cc}]{0,4096}$/u, VALUE_MESSAGE))

const PAST = {
  description: 'A moment that is past; left out: as of the last entry.',
  example: '2026-02-01T00:00:00Z',
}

export const balanceQuery = z.object({ at: moment.optional().meta(PAST), min_seq: minSeq })

const IDS_MESSAGE = 'must be 1 to 100 different users, such as 1,2,3'

export const balancesQuery = z.object({
  ids: z.string(IDS_MESSAGE)
    .regex(/^\d{1,16}(,\d{1,16}){0,99}$/, { message: IDS_MESSAGE, abort: true })
    .refine((ids) =>
      ids.split(',').every((id) => number.safeParse(id).success) &&
      new Set(ids.split(',').map(Number)).size === ids.split(',').length, IDS_MESSAGE)
    .meta({
      type: 'array',
      pattern: undefined,
      items: { type: 'integer', format: 'int64', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      minItems: 1,
      maxItems: 100,
      uniqueItems: true,
      description: 'Users, with commas between them.',
      examples: [[1, 2]],
    }),
  at: moment.optional().meta({ ...PAST, description: 'A moment that is past; left out: now.' }),
})

const lastSeq = integer.describe('The last entry by then; 0: none.')

export const balances = z.object({
  at: timestamp,
  balances: z.array(z.object({ id: integer, balance: money, seq: lastSeq })).max(100),
}).meta({
  id: 'Balances',
  description: 'Several users at one moment.',
  examples: [{
    at: '2026-02-01T00:00:00Z',
    balances: [{ id: 1, balance: '900.00', seq: 2 }, { id: 2, balance: '100.00', seq: 1 }],
  }],
})

export const page = z.object({
  entries: z.array(entry).max(1000),
  next: integer.nullable().describe('`before` for the next page; null: there is none.'),
}).meta({
  id: 'Page',
  description: 'Entries of a user, newest first.',
  examples: [{ entries: [examples.DEBIT, examples.CREDIT], next: null }],
})

const bound = z.object({
  at: timestamp.nullable(),
  seq: integer,
  balance: money,
  hash: hash.nullable(),
}).meta({ id: 'StatementBound', description: 'Where a statement begins or ends.' })

const statementEntry = entry.extend({
  posted_at: timestamp.describe('When it was posted: later than `ts` for a manual entry.'),
  held: money.describe('What active holds reserved after the entry.'),
  erased_by: integer.optional().describe(
    'The intervention that erased its metadata and its key, which its hash covers.',
  ),
  archived_by: integer.optional().describe(
    'The intervention that archived its metadata, which its hash covers.',
  ),
}).meta({ id: 'StatementEntry', description: 'An entry with all that its hash is made of.' })

export const statementLine = z.union([
  z.object({ opening: bound }),
  statementEntry,
  z.object({ closing: bound }),
]).meta({
  id: 'StatementLine',
  description: 'A line of a statement: the opening, an entry, or the closing.',
})

export const balanceAt = z.object({ id: integer, at: timestamp, balance: money, seq: lastSeq })
  .meta({
    id: 'BalanceAt',
    description: 'What the ledger held for a user at a moment.',
    examples: [{ id: 1, at: '2026-02-01T00:00:00Z', balance: '900.00', seq: 2 }],
  })

export const verification = z.object({
  id: integer,
  ok: z.boolean(),
  entries: integer.describe('How many were read.'),
  findings: z.array(z.object({
    finding: text(64),
    user_id: integer,
    seq: integer.nullable(),
    detail: text(1024).nullable(),
  })).max(1000),
  partial: z.literal(true).optional().describe(
    'There may be more findings: only as many entries were read as it took to find these, or as ' +
      'there was time for.',
  ),
}).meta({
  id: 'Verification',
  description: 'What is wrong with the history of a user; no findings: nothing.',
  examples: [{ id: 1, ok: true, entries: 2, findings: [] }],
})
