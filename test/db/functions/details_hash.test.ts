/** details_hash(), computed without PostgreSQL, too. */
import { expect, test } from 'vitest'
import { one, useLedger } from '../../support/ledger.ts'
import { microsOf, recordHash } from '../../support/record_hash.ts'

const ledger = useLedger()

test.each([
  `reference => 'jürgen', metadata => '{"n": 1.10}', idempotency_key => 'k'`,
  `user_id => 77, metadata => '{}'`,
])('what create_user(%s) made has the hash of its wire format', async (asked) => {
  const { sql } = ledger
  const { id } = await one(sql.unsafe<{ id: string }[]>(`select id from create_user(${asked})`))
  const row = await one(sql<Record<string, string | null>[]>`
    select d.user_id, d.reference, d.metadata::text, d.idempotency_key, d.asked_id,
           ${sql.unsafe(microsOf('u.created_at'))} as created_at, encode(d.hash, 'hex') as hash
      from user_details d join users u on u.id = d.user_id where u.id = ${id}`)
  expect(row['hash']).toBe(recordHash('', 1, [
    ['bigint', row['user_id']],
    ['timestamptz', row['created_at']],
    ['bytea', row['reference']],
    ['bytea', row['metadata']],
    ['bytea', row['idempotency_key']],
    ['bigint', row['asked_id']],
  ]))
})
