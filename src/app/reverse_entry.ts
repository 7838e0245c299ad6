/** POST /users/:id/history/:seq/reverse: takes an entry back. */
import type { Hono } from 'hono'
import { idempotencyKey, jsonBody, validated } from '../http/validate.ts'
import type { Ledger } from '../ledger/functions.ts'
import type { Write } from '../ledger/write.ts'
import { created, metadataText } from './created.ts'
import { describe, WRITE_PROBLEMS } from './describe.ts'
import { REVERSED } from './examples.ts'
import { createAssertReversible } from './reversible.ts'
import { entryParam, posted, reverseBody } from './schemas.ts'

export interface ReverseEntryDependencies {
  ledger: Pick<Ledger, 'getEntry'>
  write: Write
}

/** Adds POST /:id/history/:seq/reverse to the routes under /users. */
export function addReverseEntry(routes: Hono, { ledger, write }: ReverseEntryDependencies): void {
  const assertReversible = createAssertReversible({ ledger, write })

  routes.post(
    '/:id/history/:seq/reverse',
    describe({
      operationId: 'reverseEntry',
      tag: 'Entries',
      summary: 'Take an entry back, or a part of it',
      description:
        'Several reversals take back no more than the entry was. Half of a transfer is ' +
        'taken back together with the other half.',
      responses: { 201: { schema: posted, example: REVERSED, headers: ['Location'] } },
      problems: [
        ...WRITE_PROBLEMS,
        'unknown_entry',
        'already_reversed',
        'insufficient_funds',
        'user_frozen',
        'balance_out_of_range',
      ],
    }),
    validated('param', entryParam),
    idempotencyKey,
    jsonBody,
    validated('json', reverseBody),
    async (c) => {
      const { id, seq } = c.req.valid('param')
      const [userId, ref] = [Number(id), Number(seq)]
      const users = c.get('caller')?.users
      if (users) await assertReversible(userId, ref, users)
      const { amount, metadata } = c.req.valid('json')
      const reversed = await write({
        kind: 'reverse',
        userId,
        ref,
        amount: amount === undefined ? undefined : String(amount),
        key: c.get('key'),
        deadline: c.get('deadline'),
        metadata: metadataText(metadata),
      })
      return created(c, reversed)
    },
  )
}
