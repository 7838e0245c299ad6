/** The hash of an entry, computed from its bytes as docs/reference/statements.md lays them out. */
import { createHash } from 'node:crypto'

const BIGINT = 20
const BYTEA = 17
const TEXT = 25
const TIMESTAMPTZ = 1184
const NUMERIC = 1700
const JSONB = 3802

export const utf8 = (text: string) => Buffer.from(text)
const int16 = (n: number) => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(n)
  return bytes
}
const int32 = (n: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(n)
  return bytes
}
const bigint = (text: string) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(text))
  return bytes
}

/** Two decimals: number of digits, weight of the first, sign, scale, then digits in base 10000. */
function numeric(text: string): Buffer {
  const [whole, cents] = text.replace('-', '').split('.') as [string, string]
  const padded = whole.padStart(Math.ceil(whole.length / 4) * 4, '0') + cents.padEnd(4, '0')
  const digits = padded.match(/.{4}/g)!.map(Number)
  let weight = digits.length - 2
  while (digits[0] === 0) {
    digits.shift()
    weight--
  }
  while (digits.at(-1) === 0) digits.pop()
  if (digits.length === 0) weight = 0
  return Buffer.concat([digits.length, weight, text.startsWith('-') ? 0x4000 : 0, 2, ...digits]
    .map(int16))
}

export interface Row {
  user_id: string
  seq: string
  action: string
  amount: string
  /** Microseconds since 2000-01-01 UTC. */
  ts: string
  balance: string
  sealed_at: string
  idempotency_key: string | null
  metadata: string | null
  held: string
  hold: string | null
  reverses: string | null
  peer_user_id: string | null
  peer_seq: string | null
}

/** As docs/reference/statements.md lays it out. */
export function hashOf(previous: Buffer | null, row: Row, version: 1 | 2 = 2): string {
  const text = version === 1 ? TEXT : BYTEA
  const fields: [number, string | null, (text: string) => Buffer][] = [
    [BIGINT, row.user_id, bigint],
    [BIGINT, row.seq, bigint],
    [text, row.action, utf8],
    [NUMERIC, row.amount, numeric],
    [TIMESTAMPTZ, row.ts, bigint],
    [NUMERIC, row.balance, numeric],
    [TIMESTAMPTZ, row.sealed_at, bigint],
    [text, row.idempotency_key, utf8],
    version === 1
      ? [JSONB, row.metadata, (json) => utf8(`\x01${json}`)]
      : [BYTEA, row.metadata, utf8],
    [NUMERIC, row.held, numeric],
    [BIGINT, row.hold, bigint],
    [BIGINT, row.reverses, bigint],
    [BIGINT, row.peer_user_id, bigint],
    [BIGINT, row.peer_seq, bigint],
  ]
  const record = fields.flatMap(([type, text, encode]) => {
    if (text === null) return [int32(type), int32(-1)]
    const bytes = encode(text)
    return [int32(type), int32(bytes.length), bytes]
  })
  return createHash('sha256')
    .update(previous ?? Buffer.alloc(32)).update(Buffer.of(version))
    .update(Buffer.concat([int32(fields.length), ...record]))
    .digest('hex')
}

export const row = (fields: Partial<Row>): Row => ({
  user_id: '1',
  seq: '1',
  action: 'CREDIT',
  amount: '10.50',
  ts: '0',
  balance: '10.50',
  sealed_at: '1',
  idempotency_key: null,
  metadata: null,
  held: '0.00',
  hold: null,
  reverses: null,
  peer_user_id: null,
  peer_seq: null,
  ...fields,
})

export const PREVIOUS = Buffer.from('00112233445566778899aabbccddeeff'.repeat(2), 'hex')
