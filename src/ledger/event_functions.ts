/** The function that reads events, and what an event looks like. */
import { RawJson } from '../core/raw_json.ts'
import { type Database, isoTimestamp } from '../database/database.ts'
import { type Control, controlOf, type ControlRow } from './control_functions.ts'
import { type Cursor, eventId, NO_DIGEST } from './event_cursor.ts'
import { arrayLiteral, type Entry, entryOf, type EntryRow } from './rows.ts'

export const EVENT_TYPES = [
  'entry.posted',
  'hold.placed',
  'hold.captured',
  'hold.extended',
  'hold.released',
  'user.frozen',
  'user.thawed',
  'user.credit_limit_set',
] as const

export type EventType = typeof EVENT_TYPES[number]

/** Something that has happened to a user; the same whenever it is read. */
export interface LedgerEvent {
  /** See eventId. */
  id: string
  type: EventType
  /** RFC 3339 in UTC, with microseconds. */
  timestamp: string
  user_id: number
  data: Omit<Entry, 'reversed_by'> | HoldChange | Control
}

/** A change of a hold, and what it came to. */
export interface HoldChange {
  hold: number
  /** 1, 2, 3 … for each hold. */
  number: number
  /** What was set aside, taken or given back. */
  amount: string
  /** What is still held by it. */
  remaining: string
  /** Null: never. */
  expires_at: string | null
  /** Of the user. Left out where it isn't known, like `available` and `seq`. */
  balance?: string
  available?: string
  /** Of a capture, its entry; otherwise the last entry of the user before. */
  seq?: number
  idempotency_key?: string
  metadata?: RawJson
}

/** Which events a reader wants; what is left out is no condition. */
export interface EventFilter {
  userIds?: readonly number[] | undefined
  types?: readonly EventType[] | undefined
}

export interface EventPage {
  /** Each with the cursor to go on behind it. */
  events: { event: LedgerEvent; cursor: Cursor }[]
  /** To go on behind the page, whether or not there was anything. */
  next: Cursor
  /** Whether there is more at once. */
  hasMore: boolean
}

export interface EventsRequest {
  /** Of the history in which `settled` was found out. */
  epoch: string
  /** The position up to which no event will be added any more. */
  settled: number
  after: { position: number; digest: string; through: number }
  userIds: readonly number[] | undefined
  types: readonly EventType[] | undefined
  maxRows: number
}

export interface FoundEvent {
  /** Its number in the one order of all events. */
  position: number
  /** What it alone has, by which a rewritten history is noticed. */
  digest: string
  event: LedgerEvent
}

export interface FoundEvents {
  found: FoundEvent[]
  /** How far it looked, and the last event there, whoever's it is. */
  end: { position: number; digest: string; through: number }
}

export interface LedgerEvents {
  /**
   * In the order of their positions.
   * @throws LGCUR if the event that was read last isn't there, 55P03 if the epoch is another one
   */
  getEvents(request: EventsRequest): Promise<FoundEvents>
}

interface HoldChangeRow {
  remaining: string
  expires_at: string | null
}

/** A row of the type ledger.event. */
export type EventRow = EntryRow & ControlRow & HoldChangeRow & {
  position: string
  digest: string | null
  type: EventType | null
  at: string
  through: string | null
}

/** What isn't known of old ones is null in the database. */
const holdChangeOf = (row: EventRow): HoldChange => ({
  hold: Number(row.hold),
  number: Number(row.number),
  amount: row.amount,
  remaining: row.remaining,
  expires_at: row.expires_at === null ? null : isoTimestamp(row.expires_at),
  ...(row.balance as string | null !== null && { balance: row.balance }),
  ...(row.available as string | null !== null && { available: row.available }),
  ...(row.seq as string | null !== null && { seq: Number(row.seq) }),
  ...(row.idempotency_key !== null && { idempotency_key: row.idempotency_key }),
  ...(row.metadata !== null && { metadata: new RawJson(row.metadata) }),
})

const dataOf = (row: EventRow): LedgerEvent['data'] => {
  if (row.type === 'entry.posted') return entryOf(row)
  return row.type!.startsWith('hold.') ? holdChangeOf(row) : controlOf(row)
}

const placeOf = ({ position, digest }: EventRow) => ({
  position: Number(position),
  digest: digest ?? NO_DIGEST,
})

/** Converts a row to an event. */
export const eventOf = (row: EventRow): FoundEvent => ({
  ...placeOf(row),
  event: {
    id: eventId(row.position, row.digest!),
    type: row.type!,
    timestamp: isoTimestamp(row.at),
    user_id: Number(row.user_id),
    data: dataOf(row),
  },
})

/**
 * Creates the reader. It runs on connections for long reads, because what a condition leaves out is
 * read, too.
 */
export function createLedgerEvents({ run }: Pick<Database, 'run'>): LedgerEvents {
  return {
    async getEvents({ epoch, settled, after, userIds, types, maxRows }) {
      const rows = await run((sql) =>
        sql<EventRow[]>`
          select *, metadata::text as metadata from ledger.get_events(epoch => ${epoch}::text,
            settled => ${settled}::bigint, after_position => ${after.position}::bigint,
            after_digest => ${after.digest}::text, read_to => ${after.through}::bigint,
            user_ids => ${userIds ? arrayLiteral([...userIds]) : null}::bigint[],
            types => ${types ? arrayLiteral([...types]) : null}::text[], max_rows => ${maxRows})`
      )
      const end = rows.at(-1)!
      return {
        found: rows.slice(0, -1).map(eventOf),
        end: { ...placeOf(end), through: Number(end.through) },
      }
    },
  }
}
