/** A hash over a row in the wire format of PostgreSQL, computed without PostgreSQL. */
import { createHash } from 'node:crypto'

/** As record_send has them; bytea is text in UTF-8. */
const TYPES = { bigint: 20, bytea: 17, timestamptz: 1184, numeric: 1700 }

/** The type and value of a column: a timestamptz in microseconds since 2000, a numeric as hex. */
export type Field = [type: keyof typeof TYPES, value: string | null | undefined]

function int(bytes: 4 | 8, value: bigint | number): Buffer {
  const buffer = Buffer.alloc(bytes)
  if (bytes === 4) buffer.writeInt32BE(Number(value))
  else buffer.writeBigInt64BE(BigInt(value))
  return buffer
}

function bytesOf(type: keyof typeof TYPES, text: string): Buffer {
  if (type === 'bytea') return Buffer.from(text, 'utf8')
  // What PostgreSQL says of a number.
  if (type === 'numeric') return Buffer.from(text, 'hex')
  return int(8, BigInt(text))
}

/** In hex: sha256 over what comes before (hex), the version of the encoding, and the fields. */
export function recordHash(before: string, version: number, fields: Field[]): string {
  const record = fields.flatMap(([type, value]) => {
    if (value === null || value === undefined) return [int(4, TYPES[type]), int(4, -1)]
    const bytes = bytesOf(type, value)
    return [int(4, TYPES[type]), int(4, bytes.length), bytes]
  })
  return createHash('sha256')
    .update(before, 'hex').update(Buffer.of(version))
    .update(Buffer.concat([int(4, fields.length), ...record]))
    .digest('hex')
}

export const NO_HASH = '00'.repeat(32)

/** SQL for a timestamptz as a field has it. */
export const microsOf = (column: string): string =>
  `case ${column} when 'infinity' then '9223372036854775807' else
    (extract(epoch from ${column} - '2000-01-01 00:00:00+00') * 1000000)::bigint::text end`
