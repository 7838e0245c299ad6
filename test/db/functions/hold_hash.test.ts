/** hold_hash() as docs/reference/verification.md lays it out, computed without PostgreSQL, too. */
import { expect, test } from 'vitest'
import { useLedger } from '../../support/ledger.ts'
import { type Field, microsOf, NO_HASH, recordHash } from '../../support/record_hash.ts'

const ledger = useLedger()

type Row = Record<string, string | null>

const fieldsOf = (row: Row): Field[] => [
  ['bigint', row['user_id']],
  ['bigint', row['hold']],
  ['bigint', row['number']],
  ['bytea', row['action']],
  ['numeric', row['amount']],
  ['numeric', row['remaining']],
  ['timestamptz', row['expires_at']],
  ['timestamptz', row['at']],
  ['bigint', row['seq']],
  ['numeric', row['balance']],
  ['numeric', row['available']],
  ['bytea', row['idempotency_key']],
  ['bytea', row['metadata']],
  ['bigint', row['position']],
]

test('every change of a hold has the hash of its wire format after the one before', async () => {
  const { sql } = ledger
  const id = await ledger.user(1000)
  await sql`select place_hold(${id}, 20.5, 60, 'k', '{"n": "ü"}'), place_hold(${id}, 0.01)`
  await sql`select capture_hold(${id}, 1, 0.07, final => false), extend_hold(${id}, 1, 90, 'e')`
  await sql`select release_hold(${id}, 1, 'r', '{}'), capture_hold(${id}, 2)`
  const micros = (column: string) => sql.unsafe(microsOf(column))
  const number = (column: string) => sql.unsafe(`encode(numeric_send(${column}), 'hex')`)
  const rows = await sql<(Row & { hash: string })[]>`
    select user_id, hold, number, action, seq, idempotency_key, metadata::text, position,
           ${number('amount')} as amount, ${number('remaining')} as remaining,
           ${number('balance')} as balance, ${number('available')} as available,
           ${micros('at')} as at, ${micros('expires_at')} as expires_at,
           encode(hash, 'hex') as hash
      from hold_changes where user_id = ${id} order by hold, number`
  expect(rows.map(({ action }) => action))
    .toEqual(['placed', 'captured', 'extended', 'released', 'placed', 'captured'])
  let previous = NO_HASH
  for (const row of rows) {
    if (row['number'] === '1') previous = NO_HASH
    expect(row.hash).toBe(recordHash(previous, 3, fieldsOf(row)))
    previous = row.hash
  }
})
