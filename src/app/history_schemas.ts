/** The shapes of what is asked of histories, and of what they answer. */
import { z } from 'zod'
import { entry, money, number, timestamp } from './schemas.ts'

const AFTER_MESSAGE = 'must be digits, from 0 to 9007199254740991'
const LIMIT_MESSAGE = 'must be digits, from 1 to 1000'
const MOMENT_MESSAGE = 'must be a moment of RFC 3339 with an offset, such as 2026-01-31T23:59:59Z'
const MOMENT =
  /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[ +-](0\d|1[0-4]):[0-5]\d)$/

/** Whether the calendar has that day, and has it after year 0 in UTC, too. */
function isDay(text: string): boolean {
  const [, year, month, day] = MOMENT.exec(text)!.map(Number) as [number, number, number, number]
  const date = new Date(Date.UTC(2000, month - 1, day))
  date.setUTCFullYear(year, month - 1, day)
  const isThere = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return isThere && new Date(text.toUpperCase().replace(' ', '+')).getUTCFullYear() >= 1
}

/**
 * Stays a text, for a Date has only milliseconds. Entries have microseconds: what is finer is cut
 * off. A + that arrives as the space that it is in a form is one all the same.
 */
const moment = z.string()
  .regex(MOMENT, { message: MOMENT_MESSAGE, abort: true })
  .refine(isDay, MOMENT_MESSAGE)
  .transform((text) => text.replace(' ', '+').replace(/(\.\d{6})\d+/, '$1'))
  .meta({ type: 'string', format: 'date-time' })

export const historyQuery = z.object({
  limit: z.string().regex(/^0*([1-9]\d{0,2}|1000)$/, LIMIT_MESSAGE).optional()
    .describe('Entries of a page: 1 to 1000, 50 if left out.'),
  before: number.optional().describe('Entries below this seq: `next` of the page before.'),
  from: moment.optional().describe('Of a statement: entries posted after this moment.'),
  to: moment.optional().describe('Of a statement: entries posted up to this moment, or now.'),
  after: z.string().regex(/^\d{1,16}$/, AFTER_MESSAGE)
    .refine((seq) => Number.isSafeInteger(Number(seq)), AFTER_MESSAGE).optional()
    .describe('Of a statement: entries behind this seq, such as that of the closing line before.'),
})

export const balanceQuery = z.object({ at: moment.optional() })

const IDS_MESSAGE = 'must be 1 to 100 different users, such as 1,2,3'

export const balancesQuery = z.object({
  ids: z.string(IDS_MESSAGE)
    .regex(/^\d{1,16}(,\d{1,16}){0,99}$/, { message: IDS_MESSAGE, abort: true })
    .refine((ids) =>
      ids.split(',').every((id) => number.safeParse(id).success) &&
      new Set(ids.split(',').map(Number)).size === ids.split(',').length, IDS_MESSAGE)
    .describe('Users, at most 100, with commas between them.'),
  at: moment.optional().describe('A moment that is past; left out: now.'),
})

export const balances = z.object({
  at: timestamp,
  balances: z.array(z.object({
    id: z.int(),
    balance: money,
    seq: z.int().describe('The last entry by then; 0: none.'),
  })).max(100),
}).meta({ id: 'Balances' })

export const page = z.object({
  entries: z.array(entry),
  next: z.int().nullable().describe('`before` for the next page; null: there is none.'),
}).meta({ id: 'Page' })

export const balanceAt = z.object({
  id: z.int(),
  at: timestamp,
  balance: money,
  seq: z.int().describe('The last entry by then; 0: none.'),
}).meta({ id: 'BalanceAt' })

export const verification = z.object({
  id: z.int(),
  ok: z.boolean(),
  entries: z.int().describe('How many were read.'),
  findings: z.array(z.object({
    finding: z.string(),
    user_id: z.int(),
    seq: z.int().nullable(),
    detail: z.string().nullable(),
  })).max(1000),
  partial: z.literal(true).optional().describe(
    'There may be more findings: only as many entries were read as it took to find these, or as ' +
      'there was time for.',
  ),
}).meta({ id: 'Verification' })
