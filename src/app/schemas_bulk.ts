/** Schemas of a list of operations of any kind, and of its results. */
import { z } from 'zod'
import * as examples from './examples.ts'
import { amountBody, emptyBody, integer, key, metadataBody, reverseBody } from './schemas.ts'
import { transferBody, userId } from './schemas.ts'
import { captureBody, extendBody, holdBody } from './schemas_holds.ts'

const number = z.int('must be a whole number from 1 to 9007199254740991')
  .min(1, 'must be a whole number from 1 to 9007199254740991').meta({ format: 'int64' })
const user = { user_id: userId, idempotency_key: key.optional() }
const held = { ...user, hold: number.describe('The number of a hold of the user.') }

const operation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('debit'), ...user, ...amountBody.shape }),
  z.strictObject({ kind: z.literal('credit'), ...user, ...amountBody.shape }),
  z.strictObject({
    kind: z.literal('transfer'),
    idempotency_key: key.optional(),
    ...transferBody.shape,
  }),
  z.strictObject({ kind: z.literal('hold'), ...user, ...holdBody.shape }),
  z.strictObject({ kind: z.literal('capture'), ...held, ...captureBody.shape }),
  z.strictObject({ kind: z.literal('extend'), ...held, ...extendBody.shape }),
  z.strictObject({ kind: z.literal('release'), ...held, ...metadataBody.shape }),
  z.strictObject({
    kind: z.literal('reverse'),
    ...user,
    seq: number.describe('The number of an entry of the user.'),
    ...reverseBody.shape,
  }),
  z.strictObject({ kind: z.literal('recalculate'), user_id: userId, ...emptyBody.shape }),
], {
  error: 'must be an operation: its kind is debit, credit, transfer, hold, capture, extend, ' +
    'release, reverse or recalculate',
})

export type BulkOperation = z.infer<typeof operation>

export const operationsBody = z.array(operation, 'must be a list')
  .max(1000, 'must have at most 1000 items').meta({
    examples: [[
      { kind: 'credit', user_id: 1, amount: '100.00', idempotency_key: 'payment-9' },
      { kind: 'hold', user_id: 1, amount: '20.00', idempotency_key: 'booking-3' },
    ]],
  })

const result = z.object({
  status: integer.describe('Of the single call.'),
  body: z.looseObject({}).describe('What the single call would have answered, a problem included.'),
  idempotency_key: z.string().meta({ maxLength: 255 }).optional().describe('The key that counted.'),
  replayed: z.literal(true).optional().describe('It is the first answer again.'),
}).meta({ id: 'OperationResult' })

export const operationResults = z.object({ results: z.array(result).max(1000) }).meta({
  id: 'OperationResults',
  description: 'A result for each item, in order.',
  examples: [{
    results: [{ status: 201, body: examples.CREDITED, idempotency_key: 'payment-9' }],
  }],
})
