/** control_hash(), computed without PostgreSQL, too. */
import { expect, test } from 'vitest'
import { useLedger } from '../../support/ledger.ts'
import { type Field, microsOf, NO_HASH, recordHash } from '../../support/record_hash.ts'

const ledger = useLedger()

type Row = Record<string, string | null>

const fieldsOf = (row: Row): Field[] => [
  ['bigint', row['user_id']],
  ['bigint', row['number']],
  ['timestamptz', row['at']],
  ['bigint', row['transaction']],
  ['bytea', row['role']],
  ['bytea', row['actor']],
  ['bytea', row['operation']],
  ['numeric', row['credit_limit']],
  ['bytea', row['reason']],
  ['bigint', row['position']],
]

test('every control of a user has the hash of its wire format after the one before', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select freeze_user(${id}, 'für den Anfang'), thaw_user(${id})`
  await sql`select ledger.set_control('CREDIT LIMIT', ${id}, 12.5, null, 'console')`
  const rows = await sql<(Row & { hash: string })[]>`
    select user_id, number, transaction::text, role, actor, operation, reason, position,
           encode(numeric_send(credit_limit), 'hex') as credit_limit,
           ${sql.unsafe(microsOf('at'))} as at, encode(hash, 'hex') as hash
      from user_controls where user_id = ${id} order by number`
  expect(rows.map(({ operation }) => operation)).toEqual(['FREEZE', 'THAW', 'CREDIT LIMIT'])
  let previous = NO_HASH
  for (const row of rows) {
    expect(row.hash).toBe(recordHash(previous, 1, fieldsOf(row)))
    previous = row.hash
  }
})
