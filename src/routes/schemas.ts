/** The shapes of requests and answers; validation and OpenAPI are both made from them. */
import { z } from 'zod'

const MAX_METADATA_BYTES = 4096
const AMOUNT = /^(?!0(\.00?)?$)(0|[1-9]\d{0,9})(\.\d{1,2})?$/
const AMOUNT_MESSAGE = 'must be from 0.01 to 9999999999.99, with at most two decimals'

const ID_MESSAGE = 'must be digits, from 1 to 9007199254740991'
const NEW_ID_MESSAGE = 'must be a whole number from 1 to 9007199254740991'

export const idParam = z.object({
  id: z.string()
    .regex(/^\d+$/, { message: ID_MESSAGE, abort: true })
    .refine((id) => Number(id) >= 1 && Number.isSafeInteger(Number(id)), ID_MESSAGE)
    .describe('The number of a user, 1 to 9007199254740991.'),
})

const amount = z.union([
  z.number().refine((value) => AMOUNT.test(String(value)), AMOUNT_MESSAGE),
  z.string().regex(AMOUNT, AMOUNT_MESSAGE),
], { error: AMOUNT_MESSAGE }).describe(
  'More than zero, at most two decimals, at most 9999999999.99.',
)

// Not z.record, which drops a member called __proto__.
const metadata = z.unknown()
  .refine((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    message: 'must be an object',
    abort: true,
  })
  .refine((value) => new TextEncoder().encode(JSON.stringify(value)).length <= MAX_METADATA_BYTES, {
    message: `must be at most ${MAX_METADATA_BYTES} bytes of JSON`,
  })
  .meta({ type: 'object', description: 'Kept with the entry; at most 4 KiB.' })

export const amountBody = z.strictObject({ amount, metadata: metadata.optional() })

export const emptyBody = z.strictObject({})

export const newUserBody = z.strictObject({
  id: z.int(NEW_ID_MESSAGE).min(1, NEW_ID_MESSAGE).optional()
    .describe('Left out: the next free number.'),
})

const money = z.string().regex(/^-?\d{1,18}\.\d{2}$/).describe('Decimal, two places.')
const timestamp = z.string().describe('RFC 3339 in UTC, with microseconds.')

export const snapshot = z.object({
  id: z.int(),
  balance: money,
  available: money.describe('What a debit can take.'),
  seq: z.int().describe('The number of entries so far.'),
  updated_at: timestamp,
}).meta({ id: 'Snapshot' })

export const entry = z.object({
  seq: z.int().describe('1, 2, 3 … for each user.'),
  action: z.enum(['CREDIT', 'DEBIT']),
  amount: money,
  balance: money.describe('After this entry.'),
  ts: timestamp,
  idempotency_key: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
}).meta({ id: 'Entry' })

export const posted = snapshot.extend({ entry }).meta({ id: 'Posted' })

export const problem = z.object({
  type: z.string().describe('Where the code is explained.'),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  balance: money.optional(),
  available: money.optional(),
  required: money.optional(),
  shortfall: money.optional(),
}).meta({ id: 'Problem' })
