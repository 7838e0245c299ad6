/** The shapes of what is asked of holds, and of what they are. */
import { z } from 'zod'
import * as examples from './examples.ts'
import { keyQuery } from './history_schemas.ts'
import { hold, INTEGER, integer, metadataAnswer, number, text, timestamp } from './schemas.ts'

const LIMIT_MESSAGE = 'must be digits, from 1 to 1000'

export const holdsQuery = z.object({
  status: z.enum(['active', 'captured', 'released', 'expired']).optional().meta({
    description: 'Holds that have this status now.',
    examples: ['active'],
  }),
  key: keyQuery.optional().meta({
    description: 'The hold that was placed or released with this Idempotency-Key.',
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

const EXAMPLE = { ...examples.HOLD, created_at: examples.SNAPSHOT.updated_at }

export const heldHold = hold.extend({
  idempotency_key: text(255).optional(),
  metadata: metadataAnswer.optional(),
  created_at: timestamp,
  closed_at: timestamp.optional().describe('When it was captured or released.'),
}).meta({ id: 'HeldHold', description: 'A hold as it is now.', examples: [EXAMPLE] })

export const holdsPage = z.object({
  holds: z.array(heldHold).max(1000),
  next: integer.nullable().describe('`after` for the next page; null: there is none.'),
}).meta({
  id: 'Holds',
  description: 'Holds of a user, by number.',
  examples: [{ holds: [EXAMPLE], next: null }],
})
