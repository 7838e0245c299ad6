/** Schemas of requests about holds, and of holds. */
import { z } from 'zod'
import * as examples from './examples.ts'
import { keyQuery } from './history_schemas.ts'
import {
  amount,
  hold,
  HOLD_STATUSES,
  id,
  INTEGER,
  integer,
  metadata,
  metadataResponse,
} from './schemas.ts'
import { money, number, text, timestamp } from './schemas.ts'

const holdParamOf = (example: number) =>
  z.object({
    id,
    hold: number.meta({ description: 'The number of a hold of the user.', examples: [example] }),
  })
export const holdParam = holdParamOf(1)
/** The example is a hold that is still active when the examples are tried one after the other. */
export const openHoldParam = holdParamOf(3)

const MAX_EXPIRES_SECONDS = 3_155_760_000
const EXPIRES_MESSAGE = 'must be from 0.001 to 3155760000, with at most three decimals'

const seconds = z.number(EXPIRES_MESSAGE)
  .refine((seconds) =>
    seconds >= 0.001 && seconds <= MAX_EXPIRES_SECONDS &&
    /^\d+(\.\d{1,3})?$/.test(String(seconds)), EXPIRES_MESSAGE)
  .meta({ minimum: 0.001, maximum: MAX_EXPIRES_SECONDS })

export const holdBody = z.strictObject({
  amount,
  expires_in: seconds.optional()
    .describe('Seconds, with at most three decimals. Left out: it never expires.'),
  metadata: metadata.optional(),
}).meta({ examples: [{ amount: '100.00', expires_in: 3600 }] })

export const captureBody = z.strictObject({
  amount: amount.describe('Left out: all that is held.').optional(),
  final: z.boolean('must be true or false').optional().meta({
    default: true,
    description: 'false: what is not captured stays held, for other captures. Otherwise it is ' +
      'released.',
  }),
  metadata: metadata.optional(),
}).meta({ examples: [{ amount: '100.00' }, { amount: '20.00', final: false }] })

export const extendBody = z.strictObject({
  expires_in: seconds.nullable()
    .describe('Seconds from now, with at most three decimals; null: it never expires.'),
  metadata: metadata.optional(),
}).meta({ examples: [{ expires_in: 7200 }] })

const LIMIT_MESSAGE = 'must be digits, from 1 to 1000'

export const holdsQuery = z.object({
  status: z.enum(HOLD_STATUSES, `must be one of ${HOLD_STATUSES.join(', ')}`).optional().meta({
    description: 'Holds that have this status now.',
    examples: ['active'],
  }),
  key: keyQuery.optional().meta({
    description: 'The hold that was placed, extended or released with this Idempotency-Key.',
    examples: ['order-17'],
  }),
  after: number.optional().meta({
    description: 'Holds above this number: `next` of the page before.',
    examples: [1],
  }),
  limit: z.string().regex(/^0*([1-9]\d{0,2}|1000)$/, LIMIT_MESSAGE).optional().meta({
    ...INTEGER,
    maximum: 1000,
    default: 50,
    description: 'How many holds.',
    examples: [50],
  }),
})

const EXAMPLE = {
  ...examples.HOLD,
  captured: '20.00',
  remaining: '80.00',
  created_at: examples.SNAPSHOT.updated_at,
}

export const heldHold = hold.extend({
  captured: money.describe('What of it has been captured.'),
  remaining: money.describe('What of it is still held.'),
  idempotency_key: text(255).optional(),
  metadata: metadataResponse.optional(),
  created_at: timestamp,
  closed_at: timestamp.optional().describe('When nothing of it was held any more.'),
}).meta({ id: 'HeldHold', description: 'A hold as it is now.', examples: [EXAMPLE] })

export const holdsPage = z.object({
  holds: z.array(heldHold).max(1000),
  next: integer.nullable().describe('`after` for the next page; null: there is none.'),
}).meta({
  id: 'Holds',
  description: 'Holds of a user, by number.',
  examples: [{ holds: [EXAMPLE], next: null }],
})
