/** The shapes of requests and answers; validation and OpenAPI are both made from them. */
import { z } from 'zod'

const MAX_METADATA_BYTES = 4096
const AMOUNT = /^(?!0(\.00?)?$)(0|[1-9]\d{0,9})(\.\d{1,2})?$/
const AMOUNT_MESSAGE = 'must be from 0.01 to 9999999999.99, with at most two decimals'

const ID_MESSAGE = 'must be digits, from 1 to 9007199254740991'
const WHOLE_MESSAGE = 'must be a whole number from 1 to 9007199254740991'

/** Digits only. */
export const number = z.string()
  .regex(/^\d+$/, { message: ID_MESSAGE, abort: true })
  .refine((id) => Number(id) >= 1 && Number.isSafeInteger(Number(id)), ID_MESSAGE)

const id = number.describe('The number of a user, 1 to 9007199254740991.')
export const idParam = z.object({ id })
export const entryParam = z.object({ id, seq: number.describe('The number of an entry.') })
export const holdParam = z.object({ id, hold: number.describe('The number of a hold.') })

const amount = z.union([
  z.number().refine((value) => AMOUNT.test(String(value)), AMOUNT_MESSAGE),
  z.string().regex(AMOUNT, AMOUNT_MESSAGE),
], { error: AMOUNT_MESSAGE }).describe(
  'More than zero, at most two decimals, at most 9999999999.99.',
)

// Not z.record, which drops a member called __proto__.
export const metadata = z.unknown()
  .refine((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    message: 'must be an object',
    abort: true,
  })
  .refine((value) => new TextEncoder().encode(JSON.stringify(value)).length <= MAX_METADATA_BYTES, {
    message: `must be at most ${MAX_METADATA_BYTES} bytes of JSON`,
  })
  .meta({ type: 'object', description: 'Kept with the entry; at most 4 KiB.' })

export const userId = z.int(WHOLE_MESSAGE).min(1, WHOLE_MESSAGE)

export const amountBody = z.strictObject({ amount, metadata: metadata.optional() })

export const emptyBody = z.strictObject({})

export const metadataBody = z.strictObject({ metadata: metadata.optional() })

export const transferBody = z.strictObject({
  from: userId,
  to: userId,
  amount,
  metadata: metadata.optional(),
})

const MAX_EXPIRES_SECONDS = 3_155_760_000
const EXPIRES_MESSAGE = 'must be from 0.001 to 3155760000, with at most three decimals'

export const holdBody = z.strictObject({
  amount,
  expires_in: z.number(EXPIRES_MESSAGE)
    .refine((seconds) =>
      seconds >= 0.001 && seconds <= MAX_EXPIRES_SECONDS &&
      /^\d+(\.\d{1,3})?$/.test(String(seconds)), EXPIRES_MESSAGE)
    .meta({ minimum: 0.001, maximum: MAX_EXPIRES_SECONDS, multipleOf: 0.001 })
    .describe('Seconds, at most 100 years of them. Left out: it never expires.').optional(),
  metadata: metadata.optional(),
})

export const captureBody = z.strictObject({
  amount: amount.describe('Left out: all that is held. A part releases the rest.').optional(),
  metadata: metadata.optional(),
})

const KEY_MESSAGE = 'must be 1 to 255 visible ASCII characters'

export const debitsBody = z.array(
  z.strictObject({
    user_id: userId,
    amount,
    idempotency_key: z.string(KEY_MESSAGE).regex(/^[!-~]{1,255}$/, KEY_MESSAGE).optional(),
    metadata: metadata.optional(),
  }),
  'must be a list',
).max(1000, 'must have at most 1000 items')

export const money = z.string().regex(/^-?\d{1,18}\.\d{2}$/).describe('Decimal, two places.')
export const timestamp = z.string().describe('RFC 3339 in UTC, with microseconds.')

export const snapshot = z.object({
  id: z.int(),
  balance: money,
  available: money.describe('What a debit can take.'),
  seq: z.int().describe('The number of entries so far.'),
  updated_at: timestamp,
}).meta({ id: 'Snapshot' })

export const metadataAnswer = z.record(z.string(), z.unknown())

export const entry = z.object({
  seq: z.int().describe('1, 2, 3 … for each user.'),
  action: z.enum(['CREDIT', 'DEBIT']),
  amount: money,
  balance: money.describe('After this entry.'),
  ts: timestamp,
  idempotency_key: z.string().optional(),
  metadata: metadataAnswer.optional(),
  transfer: z.object({ user_id: z.int(), seq: z.int() }).optional()
    .describe('The other half of a transfer.'),
  reverses: z.int().optional().describe('The entry that this one takes back.'),
  reversed_by: z.int().optional()
    .describe('The entry that took this one back; not in the answers to writes.'),
  hold: z.int().optional().describe('The hold that was captured.'),
  hash: z.string().describe('SHA-256 over the entry before and this one, 64 hexadecimal digits.'),
}).meta({ id: 'Entry' })

export const posted = snapshot.extend({ entry }).meta({ id: 'Posted' })

export const transferred = z.object({ from: posted, to: posted }).meta({ id: 'Transfer' })

export const hold = z.object({
  hold: z.int().describe('1, 2, 3 … for each user.'),
  user_id: z.int(),
  amount: money,
  status: z.enum(['active', 'captured', 'released', 'expired']),
  expires_at: timestamp.nullable(),
  available: money.describe('What is left for others.'),
}).meta({ id: 'Hold' })

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

export const results = z.object({
  results: z.array(
    z.union([
      posted.extend({ status: z.literal(201) }),
      problem.extend({ idempotency_key: z.string().optional() }),
    ])
      .describe('What the single call would have answered.'),
  ),
}).meta({ id: 'Results' })
