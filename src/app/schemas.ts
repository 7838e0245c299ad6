/** Schemas of requests and responses. Validation and OpenAPI are both made from them. */
import { z } from 'zod'
import { PROBLEMS } from '../core/errors.ts'
import * as examples from './examples.ts'

const MAX_METADATA_BYTES = 4096
const AMOUNT = /^(?!0(\.00?)?$)(0|[1-9]\d{0,9})(\.\d{1,2})?$/
const AMOUNT_MESSAGE = 'must be from 0.01 to 9999999999.99, with at most two decimals'

const ID_MESSAGE = 'must be digits, from 1 to 9007199254740991'
const WHOLE_MESSAGE = 'must be a whole number from 1 to 9007199254740991'

/** In a path or query every value is a text: this one is documented as the integer that it is. */
export const INTEGER = {
  type: 'integer',
  format: 'int64',
  pattern: undefined,
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
} as const

/** A user id, seq or hold number in a path: digits only. */
export const number = z.string()
  .regex(/^\d+$/, { message: ID_MESSAGE, abort: true })
  .refine((id) => Number(id) >= 1 && Number.isSafeInteger(Number(id)), ID_MESSAGE)
  .meta(INTEGER)

export const id = number.meta({ description: 'The number of a user.', examples: [1] })
export const idParam = z.object({ id })
export const entryParam = z.object({
  id,
  seq: number.meta({ description: 'The number of an entry of the user.', examples: [2] }),
})
export const amount = z.union([
  z.number().refine((value) => AMOUNT.test(String(value)), AMOUNT_MESSAGE)
    .meta({ minimum: 0.01, maximum: 9999999999.99 }),
  z.string().regex(AMOUNT, AMOUNT_MESSAGE).meta({ maxLength: 13 }),
], { error: AMOUNT_MESSAGE }).describe(
  'More than zero, at most two decimals, at most 9999999999.99.',
)

// z.record would drop a member called __proto__.
export const metadata = z.unknown()
  .refine((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    message: 'must be an object',
    abort: true,
  })
  .refine((value) => new TextEncoder().encode(JSON.stringify(value)).length <= MAX_METADATA_BYTES, {
    message: `must be at most ${MAX_METADATA_BYTES} bytes of JSON`,
  })
  .meta({
    type: 'object',
    additionalProperties: true,
    description: 'Any members; kept with the entry. At most 4 KiB of JSON.',
  })

export const userId = z.int(WHOLE_MESSAGE).min(1, WHOLE_MESSAGE).meta({ format: 'int64' })

export const amountBody = z.strictObject({ amount, metadata: metadata.optional() })
  .meta({ examples: [{ amount: '100.00', metadata: { order: 17 } }] })

export const emptyBody = z.strictObject({}).meta({ examples: [{}] })

export const metadataBody = z.strictObject({ metadata: metadata.optional() })
  .meta({ examples: [{ metadata: { reason: 'order 17 was cancelled' } }] })

export const transferBody = z.strictObject({
  from: userId.describe('The user whom the amount is taken from.'),
  to: userId.describe('The user who gets it.'),
  amount,
  metadata: metadata.optional(),
}).meta({ examples: [{ from: 1, to: 2, amount: '100.00', metadata: { order: 17 } }] })

export const reverseBody = z.strictObject({
  amount: amount.describe('Left out: all that has not been reversed yet.').optional(),
  metadata: metadata.optional(),
}).meta({ examples: [{ metadata: { reason: 'order 17 was cancelled' } }, { amount: '20.00' }] })

const KEY_MESSAGE = 'must be 1 to 255 visible ASCII characters'

export const key = z.string(KEY_MESSAGE).regex(/^[!-~]{1,255}$/, KEY_MESSAGE)
  .meta({ maxLength: 255 })

export const debitsBody = z.array(
  z.strictObject({
    user_id: userId,
    amount,
    idempotency_key: key.optional(),
    metadata: metadata.optional(),
  }),
  'must be a list',
).max(1000, 'must have at most 1000 items').meta({
  examples: [[{ user_id: 1, amount: '100.00', idempotency_key: 'order-17' }]],
})

/** A count or a number that the ledger gave. */
export const integer = z.int().min(0).meta({ format: 'int64' })
export const money = z.string().regex(/^-?\d{1,18}\.\d{2}$/)
  .meta({ maxLength: 22, description: 'Decimal, two places.' })
export const timestamp = z.string()
  .meta({ format: 'date-time', description: 'RFC 3339 in UTC, with microseconds.' })
export const hash = z.string().regex(/^[0-9a-f]{64}$/).meta({
  maxLength: 64,
  description: 'SHA-256 over the entry before and this one, 64 hexadecimal digits.',
})
/** A text of at most so many characters. */
export const text = (maxLength: number) => z.string().meta({ maxLength })

export const snapshot = z.object({
  id: integer,
  balance: money,
  available: money.describe('What a debit can take.'),
  seq: integer.describe('The number of entries so far.'),
  updated_at: timestamp,
}).meta({ id: 'Snapshot', description: 'A user and its balance.', examples: [examples.SNAPSHOT] })

export const metadataResponse = z.looseObject({})

export const entry = z.object({
  seq: integer.describe('1, 2, 3 … for each user.'),
  action: z.enum(['CREDIT', 'DEBIT']),
  amount: money,
  balance: money.describe('After this entry.'),
  ts: timestamp,
  idempotency_key: text(255).optional(),
  metadata: metadataResponse.optional(),
  transfer: z.object({ user_id: integer, seq: integer }).optional()
    .describe('The other half of a transfer.'),
  reverses: integer.optional().describe('The entry that this one takes back.'),
  reversed_by: integer.optional()
    .describe('The last entry that took this one back; not in the answers to writes.'),
  reversed: money.optional().describe('How much of it has been taken back, if not all.'),
  hold: integer.optional().describe('The hold that was captured.'),
  hash,
}).meta({ id: 'Entry', description: 'A credit or a debit of a user.', examples: [examples.DEBIT] })

export const posted = snapshot.extend({ entry }).meta({
  id: 'Posted',
  description: 'The user after an entry, and the entry.',
  examples: [examples.POSTED],
})

export const transferred = z.object({ from: posted, to: posted }).meta({
  id: 'Transfer',
  description: 'Both users after a transfer, and their entries.',
  examples: [examples.TRANSFERRED],
})

export const HOLD_STATUSES = ['active', 'captured', 'released', 'expired'] as const

export const hold = z.object({
  hold: integer.describe('1, 2, 3 … for each user.'),
  user_id: integer,
  amount: money,
  status: z.enum(HOLD_STATUSES),
  expires_at: timestamp.nullable(),
  available: money.describe('What is left for others.'),
}).meta({ id: 'Hold', description: 'An amount that is set aside.', examples: [examples.HOLD] })

export const problem = z.object({
  type: text(2048).describe('Where the code is explained.'),
  title: text(255),
  status: z.int().min(400).max(599).meta({ format: 'int32' }),
  code: z.enum(Object.keys(PROBLEMS)),
  detail: text(1024).optional(),
  errors: z.array(z.object({
    path: text(255).describe('Where in the request: members and indexes, with points between.'),
    message: text(1024),
  })).max(20).optional(),
  balance: money.optional(),
  available: money.optional(),
  required: money.optional(),
  shortfall: money.optional(),
  resume: text(64).optional().describe('The cursor to go on from, for whoever accepts that.'),
}).meta({ id: 'Problem', description: 'Why a request was refused (RFC 9457).' })

export const results = z.object({
  results: z.array(
    z.union([
      posted.extend({ status: z.literal(201) }),
      problem.extend({ idempotency_key: text(255).optional() }),
    ])
      .describe('What the single call would have answered.'),
  ).max(1000),
}).meta({
  id: 'Results',
  description: 'One result for each item, in order.',
  examples: [{ results: [{ status: 201, ...examples.POSTED }] }],
})
