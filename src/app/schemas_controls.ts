/** Schemas of freezing, thawing and credit limits, and of who set them. */
import { z } from 'zod'
import * as examples from './examples.ts'
import { INTEGER, integer, money, number, snapshot, text, timestamp } from './schemas.ts'

const REASON_MESSAGE = 'must be 1 to 1000 characters'
const LIMIT_MESSAGE = 'must be digits, from 1 to 1000'
const CREDIT = /^(0|[1-9]\d{0,9})(\.\d{1,2})?$/
const CREDIT_MESSAGE = 'must be 0, or from 0.01 to 9999999999.99, with at most two decimals'

const reason = z.string(REASON_MESSAGE).regex(/^[^]{1,1000}$/u, REASON_MESSAGE).meta({
  // Not every tool reads this one.
  pattern: undefined,
  minLength: 1,
  maxLength: 1000,
  description: 'Why; kept with who did it and when.',
})

export const reasonBody = z.strictObject({ reason: reason.optional() })
  .meta({ examples: [{ reason: 'Ticket 42: the card was stolen.' }] })

export const creditLimitBody = z.strictObject({
  credit_limit: z.union([
    z.number().refine((value) => CREDIT.test(String(value)), CREDIT_MESSAGE)
      .meta({ minimum: 0, maximum: 9999999999.99 }),
    z.string().regex(CREDIT, CREDIT_MESSAGE).meta({ maxLength: 13 }),
  ], { error: CREDIT_MESSAGE }).describe('0: none.'),
  reason: reason.optional(),
}).meta({ examples: [{ credit_limit: '500.00', reason: 'A good customer.' }] })

export const controlsQuery = z.object({
  before: number.optional().meta({
    description: 'Changes below this number: `next` of the page before.',
    examples: [3],
  }),
  limit: z.string().regex(/^0*([1-9]\d{0,2}|1000)$/, LIMIT_MESSAGE).optional().meta({
    ...INTEGER,
    maximum: 1000,
    default: 50,
    description: 'How many changes.',
    examples: [50],
  }),
})

const state = {
  frozen_at: timestamp.nullable().describe('Since when the user is frozen; null: it is not.'),
  credit_limit: money.describe('How far below zero its balance may go.'),
}
const EXAMPLE = { frozen_at: null, credit_limit: '500.00' }

export const controlled = snapshot.extend(state).meta({
  id: 'ControlledUser',
  description: 'A user, and what it may do.',
  examples: [{ ...examples.SNAPSHOT, available: '1400.00', ...EXAMPLE }],
})

export const control = z.object({
  number: integer.describe('1, 2, 3 … for each user.'),
  at: timestamp,
  operation: z.enum(['freeze', 'thaw', 'credit_limit']),
  credit_limit: money.optional(),
  reason: text(1000).optional(),
  role: text(63).describe('Who had logged in to the database.'),
  caller: text(255).optional().describe('The name of the caller, over HTTP with access on.'),
}).meta({ id: 'Control' })

export const controlsPage = z.object({
  id: integer,
  ...state,
  changes: z.array(control).max(1000),
  next: integer.nullable().describe('`before` for the next page; null: there is none.'),
}).meta({
  id: 'Controls',
  description: 'What a user may do, and who said so, newest first.',
  examples: [{
    id: 1,
    ...EXAMPLE,
    changes: [{
      number: 1,
      at: examples.SNAPSHOT.updated_at,
      operation: 'credit_limit',
      credit_limit: '500.00',
      reason: 'A good customer.',
      role: 'ledger_service',
      caller: 'back-office',
    }],
    next: null,
  }],
})
