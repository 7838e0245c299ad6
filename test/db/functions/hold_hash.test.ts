/** hold_hash() as docs/reference/verification.md lays it out, computed without PostgreSQL, too. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

const BIGINT = 20
const BYTEA = 17
const TIMESTAMPTZ = 1184

type Row = Record<string, string | null>

function int(bytes: 4 | 8, value: bigint | number): Buffer {
  const buffer = Buffer.alloc(bytes)
  if (bytes === 4) buffer.writeInt32BE(Number(value))
  else buffer.writeBigInt64BE(BigInt(value))
  return buffer
}

const bytesOf: Record<number, (text: string) => Buffer> = {
  [BIGINT]: (text) => int(8, BigInt(text)),
  [TIMESTAMPTZ]: (text) => int(8, BigInt(text)),
  [BYTEA]: (text) => Buffer.from(text, 'utf8'),
}

/** Of the wire format, what PostgreSQL says of a number; the rest is computed here. */
function hashOf(previous: string | null, row: Row): string {
  const fields: [number, string][] = [
    [BIGINT, 'user_id'],
    [BIGINT, 'hold'],
    [BIGINT, 'number'],
    [BYTEA, 'action'],
    [1700, 'amount'],
    [1700, 'remaining'],
    [TIMESTAMPTZ, 'expires_at'],
    [TIMESTAMPTZ, 'at'],
    [BIGINT, 'seq'],
    [1700, 'balance'],
    [1700, 'available'],
    [BYTEA, 'idempotency_key'],
    [BYTEA, 'metadata'],
    [BIGINT, 'position'],
  ]
  const record = fields.flatMap(([type, name]) => {
    const text = row[name] ?? null
    if (text === null) return [int(4, type), int(4, -1)]
    const bytes = bytesOf[type]?.(text) ?? Buffer.from(text, 'hex')
    return [int(4, type), int(4, bytes.length), bytes]
  })
  return createHash('sha256')
    .update(previous === null ? Buffer.alloc(32) : Buffer.from(previous, 'hex'))
    .update(Buffer.of(3)).update(Buffer.concat([int(4, fields.length), ...record]))
    .digest('hex')
}

test('every change of a hold has the hash of its wire format after the one before', async () => {
  const { sql } = ledger
  const id = await ledger.user(1000)
  await sql`select place_hold(${id}, 20.5, 60, 'k', '{"n": "ü"}'), place_hold(${id}, 0.01)`
  await sql`select capture_hold(${id}, 1, 0.07, final => false), extend_hold(${id}, 1, 90, 'e')`
  await sql`select release_hold(${id}, 1, 'r', '{}'), capture_hold(${id}, 2)`
  const micros = (column: string) =>
    sql.unsafe(`case ${column} when 'infinity' then '9223372036854775807' else
      (extract(epoch from ${column} - '2000-01-01 00:00:00+00') * 1000000)::bigint::text end`)
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
  let previous: string | null = null
  for (const row of rows) {
    if (row['number'] === '1') previous = null
    expect(row.hash).toBe(hashOf(previous, row))
    previous = row.hash
  }
})
