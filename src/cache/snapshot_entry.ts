/**
 * The text of a snapshot in the cache. It is parsed strictly, because others may write to Redis,
 * too.
 */

/** A user as callers see it. Amounts are decimal strings; only SQL does arithmetic on them. */
export interface Snapshot {
  id: number
  balance: string
  /** What can be taken: the balance and the credit limit, less what is held. */
  available: string
  /** Of the last posted entry; 0: there is none. */
  seq: number
  /** Of the last change: RFC 3339 in UTC, with microseconds. */
  updated_at: string
}

/** A snapshot with what says whether it is newer than another, and for how long it may be shown. */
export interface Versioned {
  snapshot: Snapshot
  /** Raised by every change of the user. */
  version: number
  /** The time by the database's clock, at or before the read. ISO 8601, so it sorts as text. */
  read_at: string
  /** When a hold in it expires, counted from read_at; absent if none does. */
  expires_in_ms?: number
}

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`
const AMOUNT = String.raw`-?\d{1,18}\.\d{2}`
const WHOLE = String.raw`0|[1-9]\d{0,15}`

// Not JSON.parse: only what formatEntry writes is accepted.
const ENTRY = new RegExp(
  `^\\{"read_at":"(?<read_at>${TIME})","version":(?<version>${WHOLE})` +
    `(?:,"expires_in_ms":(?<expires_in_ms>${WHOLE}))?,"snapshot":\\{"id":(?<id>${WHOLE}),` +
    `"balance":"(?<balance>${AMOUNT})","available":"(?<available>${AMOUNT})",` +
    `"seq":(?<seq>${WHOLE}),"updated_at":"(?<updated_at>${TIME})"\\}\\}$`,
)
const MAX_ENTRY_LENGTH = 512

/**
 * The text of an entry. read_at comes first, so that of two texts with the same version the one
 * that sorts later was read later.
 */
export function formatEntry({ snapshot, version, read_at, expires_in_ms }: Versioned): string {
  const { id, balance, available, seq, updated_at } = snapshot
  return JSON.stringify({
    read_at,
    version,
    ...(expires_in_ms !== undefined && { expires_in_ms }),
    snapshot: { id, balance, available, seq, updated_at },
  })
}

/**
 * Parses the text of a user that was stored under this score; undefined if formatEntry didn't write
 * it.
 */
export function parseEntry(id: number, text: string, score: string): Versioned | undefined {
  if (text.length > MAX_ENTRY_LENGTH) return undefined
  const found = ENTRY.exec(text)?.groups
  if (!found) return undefined
  const version = Number(found.version)
  const seq = Number(found.seq)
  const expires_in_ms = Number(found.expires_in_ms ?? 0)
  if (![version, seq, expires_in_ms].every(Number.isSafeInteger)) return undefined
  if (found.id !== String(id) || score !== String(version) || seq > version) return undefined
  return {
    snapshot: {
      id,
      balance: found.balance!,
      available: found.available!,
      seq,
      updated_at: found.updated_at!,
    },
    version,
    read_at: found.read_at!,
    ...(found.expires_in_ms !== undefined && { expires_in_ms }),
  }
}
