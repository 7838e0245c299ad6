/** From one user to another: validate → call → respond. */
import { Hono } from 'hono'
import { describeRoute } from 'hono-openapi'
import { mustReach } from '../access.ts'
import { json } from '../answer.ts'
import { answers, WRITE_PROBLEMS } from '../openapi.ts'
import type { Unbatched } from '../unbatched.ts'
import { idempotencyKey, jsonBody, validated } from '../validate.ts'
import { markReplayed, metadataText } from './created.ts'
import { transferBody, transferred } from './schemas.ts'

export interface TransfersDependencies {
  unbatched: Pick<Unbatched, 'transfer'>
}

/** POST /transfers. */
export function transfersRoutes({ unbatched }: TransfersDependencies) {
  const transfers = new Hono<{ Variables: { key?: string } }>()

  transfers.post(
    '/',
    describeRoute({
      summary: 'Move an amount from one user to another, both halves or neither',
      description: 'Idempotency-Key belongs to the user whom the amount is taken from.',
      ...answers({ 201: transferred }, [
        ...WRITE_PROBLEMS,
        'insufficient_funds',
        'balance_out_of_range',
        'same_user',
      ]),
    }),
    idempotencyKey,
    jsonBody,
    validated('json', transferBody),
    async (c) => {
      const { from, to, amount, metadata } = c.req.valid('json')
      mustReach(c, from, to)
      const moved = await unbatched.transfer({
        from,
        to,
        amount: String(amount),
        key: c.get('key'),
        deadline: c.get('deadline'),
        metadata: metadataText(metadata),
      })
      markReplayed(c, moved.replayed)
      const half = ({ snapshot, entry }: typeof moved.from) => ({ ...snapshot, entry })
      return json(c, { from: half(moved.from), to: half(moved.to) }, 201)
    },
  )

  return transfers
}
