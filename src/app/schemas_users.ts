/** The shapes of users: how they are made, and what lists of them have. */
import { z } from 'zod'
import { metadata, metadataAnswer, number, snapshot, timestamp, userId } from './schemas.ts'

const REFERENCE_MESSAGE =
  'must be 1 to 255 characters without control characters, and no space at either end'

const reference = z.string(REFERENCE_MESSAGE)
  .regex(/^(?! )[^\p{Cc}]{1,255}(?<! )$/u, REFERENCE_MESSAGE)
  .describe('Your own name for the user, of one user only; compared byte by byte.')

export const newUserBody = z.strictObject({
  id: userId.optional().describe('Left out: the next free number.'),
  reference: reference.optional(),
  metadata: metadata.optional().describe('Kept with the user; at most 4 KiB.'),
})

const LIMIT_MESSAGE = 'must be digits, from 1 to 1000'

export const usersQuery = z.object({
  reference: reference.optional(),
  after: number.optional().describe('Users above this number: `next` of the page before.'),
  limit: z.string().regex(/^0*([1-9]\d{0,2}|1000)$/, LIMIT_MESSAGE).optional()
    .describe('Users of a page: 1 to 1000, 50 if left out.'),
})

export const madeUser = snapshot.extend({
  reference: z.string().optional(),
  metadata: metadataAnswer.optional(),
}).meta({ id: 'MadeUser' })

export const userPage = z.object({
  users: z.array(madeUser.extend({ created_at: timestamp }).meta({ id: 'User' })),
  next: z.int().nullable().describe('`after` for the next page; null: there is none.'),
}).meta({ id: 'Users' })
