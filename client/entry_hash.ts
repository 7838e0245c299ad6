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

const [INT8, NUMERIC, TIMESTAMPTZ] = [20, 1700, 1184]

/** How a version of the layout writes text, and that of metadata: an oid, what begins the bytes. */
interface Layout {
  version: number
  text: [oid: number]
  json: [oid: number, ...prefix: number[]]
}

/** Entries keep the version that they were posted with; the newest comes first. */
const LAYOUTS: readonly Layout[] = [
  { version: 2, text: [17], json: [17] },
  { version: 1, text: [25], json: [3802, 1] },
]
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

const text = (value: string | undefined, [oid, ...prefix]: [number, ...number[]]): Field => [
  oid,
  value === undefined ? undefined : joined([new Uint8Array(prefix), encoder.encode(value)]),
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
    if (char === '"') {
      // To the quote that ends it; a backslash takes what follows with it.
      while (text[++end] !== '"') end += text[end] === '\\' ? 1 : 0
    } else if (char === '{' || char === '[') depth++
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

/** An entry to be proved. */
interface Claim {
  userId: number
  /** The hash of the user's entry before, in hexadecimal; null: there is none. */
  previous: string | null
  entry: HashedEntry
  /** Its line in the statement, as it came. */
  line: string
}

/** Whether an entry has the hash that it must have, in any version of the layout. */
export async function isHashOf(hash: string, claim: Claim): Promise<boolean> {
  for (const layout of LAYOUTS) if (await entryHash(claim, layout) === hash) return true
  return false
}

async function entryHash(
  { userId, previous, entry, line }: Claim,
  layout: Layout,
): Promise<string> {
  const fields: Field[] = [
    bigint(userId),
    bigint(entry.seq),
    text(entry.action, layout.text),
    numeric(entry.amount),
    moment(entry.ts),
    numeric(entry.balance),
    moment(entry.posted_at),
    text(entry.idempotency_key, layout.text),
    text(metadataText(line), layout.json),
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
  const head = [before, new Uint8Array([layout.version]), int(BigInt(fields.length), 4)]
  const digest = await crypto.subtle.digest('SHA-256', joined([...head, ...record]))
  return toHex(new Uint8Array(digest))
}

const fromHex = (text: string) =>
  Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

/** Bytes in hexadecimal. */
export const toHex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
