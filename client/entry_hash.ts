/** The hash of an entry, computed from its line in a statement: docs/reference/statements.md. */

export interface HashedEntry {
  seq: number
  action: string
  amount: string
  balance: string
  ts: string
  posted_at: string
  held: string
  idempotency_key?: string | undefined
  transfer?: { user_id: number; seq: number } | undefined
  reverses?: number | undefined
  hold?: number | undefined
}

const VERSION = 2
const [INT8, BYTEA, NUMERIC, TIMESTAMPTZ] = [20, 17, 1700, 1184]
const EPOCH_MS = Date.UTC(2000, 0, 1)

type Field = [oid: number, bytes: Uint8Array | undefined]

const encoder = new TextEncoder()

function int(value: bigint, size: 2 | 4 | 8): Uint8Array {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigInt64(0, value)
  return new Uint8Array(view.buffer).slice(8 - size)
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const bigint = (value: number | undefined): Field => [
  INT8,
  value === undefined ? undefined : int(BigInt(value), 8),
]

const bytea = (value: string | undefined): Field => [
  BYTEA,
  value === undefined ? undefined : encoder.encode(value),
]

/** As PostgreSQL sends one: digits in base 10000, without zeros at either end. */
function numeric(value: string): Field {
  let rest = BigInt(value.replace(/[-.]/g, '')) * 100n
  const digits: bigint[] = []
  for (; rest > 0n; rest /= 10_000n) digits.unshift(rest % 10_000n)
  const weight = digits.length > 0 ? digits.length - 2 : 0
  while (digits.at(-1) === 0n) digits.pop()
  const sign = value.startsWith('-') ? 0x4000 : 0
  const head = [digits.length, weight, sign, 2].map(BigInt)
  return [NUMERIC, joined([...head, ...digits].map((part) => int(part, 2)))]
}

/** Microseconds since 2000. */
function moment(value: string): Field {
  const [, seconds, fraction = ''] = /^([^.Z]*)(?:\.(\d+))?Z$/.exec(value)!
  const ms = BigInt(Date.parse(`${seconds}Z`) - EPOCH_MS)
  return [TIMESTAMPTZ, int(ms * 1000n + BigInt(fraction.padEnd(6, '0')), 8)]
}

/** Where the JSON value that begins at `at` ends, in an object without spaces around its values. */
function endOfValue(text: string, at: number): number {
  let depth = 0
  for (let end = at; end < text.length; end++) {
    const char = text[end]!
    if (depth === 0 && end > at && (char === ',' || char === '}')) return end
    if (char === '"') { while (text[++end] !== '"') end += text[end] === '\\' ? 1 : 0 }
    else if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
  }
  return text.length
}

/** The text of `metadata` as it is in the line: a parser would make 1.1 of 1.10. */
function metadataText(line: string): string | undefined {
  // A name has no quotes in it, and ends with the one before the colon.
  for (let at = 1; at < line.length;) {
    const nameEnd = line.indexOf('"', at + 1)
    const end = endOfValue(line, nameEnd + 2)
    if (line.slice(at + 1, nameEnd) === 'metadata') return line.slice(nameEnd + 2, end)
    at = end + 1
  }
  return undefined
}

/**
 * @param previous the hash of the user's entry before, in hexadecimal; null: there is none
 * @param line of the statement, as it came
 * @returns 64 hexadecimal digits
 */
export async function entryHash(
  userId: number,
  previous: string | null,
  line: string,
): Promise<string> {
  const entry = JSON.parse(line) as HashedEntry
  const fields: Field[] = [
    bigint(userId),
    bigint(entry.seq),
    bytea(entry.action),
    numeric(entry.amount),
    moment(entry.ts),
    numeric(entry.balance),
    moment(entry.posted_at),
    bytea(entry.idempotency_key),
    bytea(metadataText(line)),
    numeric(entry.held),
    bigint(entry.hold),
    bigint(entry.reverses),
    bigint(entry.transfer?.user_id),
    bigint(entry.transfer?.seq),
  ]
  const record = fields.flatMap(([oid, bytes]) => [
    int(BigInt(oid), 4),
    int(BigInt(bytes?.length ?? -1), 4),
    bytes ?? new Uint8Array(),
  ])
  const before = previous === null ? new Uint8Array(32) : fromHex(previous)
  const head = [before, new Uint8Array([VERSION]), int(BigInt(fields.length), 4)]
  const digest = await crypto.subtle.digest('SHA-256', joined([...head, ...record]))
  return toHex(new Uint8Array(digest))
}

const fromHex = (text: string) =>
  Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

const toHex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
