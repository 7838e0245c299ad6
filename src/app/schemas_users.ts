/** Schemas of users: how they are created, and what lists of them contain. */
import { z } from 'zod'
import * as examples from './examples.ts'
import { INTEGER, integer, metadata, metadataResponse, number } from './schemas.ts'
import { snapshot, text, timestamp, userId } from './schemas.ts'

const REFERENCE_MESSAGE =
  'must be 1 to 255 characters without control characters, and no space at either end'

const reference = z.string(REFERENCE_MESSAGE)
  .regex(/^(?! )[^\p{Cc}]{1,255}(?<! )$/u, REFERENCE_MESSAGE)
  .meta({
    // Not every tool reads this one.
    pattern: undefined,
    minLength: 1,
    maxLength: 255,
    description: 'Your own name for the user, of one user only; compared byte by byte.',
    examples: ['customer-42'],
  })

export const newUserBody = z.strictObject({
  id: userId.optional().describe('Left out: the next free number.'),
  reference: reference.optional(),
  metadata: metadata.optional().describe('Kept with the user; at most 4 KiB.'),
}).meta({ examples: [{ id: 42, reference: 'customer-42' }] })

const LIMIT_MESSAGE = 'must be digits, from 1 to 1000'

export const usersQuery = z.object({
  reference: reference.optional(),
  after: number.optional().meta({
    description: 'Users above this number: `next` of the page before.',
    examples: [1],
  }),
  limit: z.string().regex(/^0*([1-9]\d{0,2}|1000)$/, LIMIT_MESSAGE).optional().meta({
    ...INTEGER,
    maximum: 1000,
    default: 50,
    description: 'How many users.',
    examples: [50],
  }),
})

export const madeUser = snapshot.extend({
  reference: text(255).optional(),
  metadata: metadataResponse.optional(),
}).meta({
  id: 'MadeUser',
  description: 'A user, its balance, and what it was made with.',
  examples: [examples.EMPTY],
})

export const userPage = z.object({
  users: z.array(madeUser.extend({ created_at: timestamp }).meta({ id: 'User' })).max(1000),
  next: integer.nullable().describe('`after` for the next page; null: there is none.'),
}).meta({
  id: 'Users',
  description: 'Users, by number.',
  examples: [{ users: [{ ...examples.EMPTY, created_at: examples.EMPTY.updated_at }], next: null }],
})
