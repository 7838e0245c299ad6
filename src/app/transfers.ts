/** POST /transfers: from one user to another. */
import { Hono } from 'hono'
import { assertUserAllowed } from '../auth/caller.ts'
import { json } from '../http/response.ts'
import type { Write } from '../ledger/write.ts'
import { idempotencyKey, jsonBody, validated } from '../http/validate.ts'
import { markReplayed, metadataText, withEntry } from './created.ts'
import { describe, WRITE_PROBLEMS } from './describe.ts'
import { transferBody, transferred } from './schemas.ts'

export interface TransfersDependencies {
  write: Write
}

/** POST /transfers. */
export function transfersRoutes({ write }: TransfersDependencies) {
  const transfers = new Hono()

  transfers.post(
    '/',
    describe({
      operationId: 'transfer',
      tag: 'Transfers',
      summary: 'Move an amount from one user to another, both halves or neither',
      description: 'Idempotency-Key belongs to the user whom the amount is taken from.',
      responses: { 201: { schema: transferred } },
      problems: [
        ...WRITE_PROBLEMS,
        'insufficient_funds',
        'user_frozen',
        'balance_out_of_range',
        'same_user',
      ],
    }),
    idempotencyKey,
    jsonBody,
    validated('json', transferBody),
    async (c) => {
      const { from, to, amount, metadata } = c.req.valid('json')
      assertUserAllowed(c, from, to)
      const { users: [giver, taker], replayed } = await write({
        kind: 'transfer',
        userId: from,
        peerId: to,
        amount: String(amount),
        key: c.get('key'),
        deadline: c.get('deadline'),
        metadata: metadataText(metadata),
      })
      markReplayed(c, replayed)
      return json(c, { from: withEntry(giver), to: withEntry(taker!) }, 201)
    },
  )

  return transfers
}
