/** The function that lists entries where users are on several servers. */
import { type Database, isoTimestamp } from '../database/database.ts'
import type { JournalPlace } from './journal_cursor.ts'
import { arrayLiteral, type EntryRow } from './rows.ts'
import { itemsOf, positionOf, type SeriesPosition, textOf } from './series_functions.ts'
import { type JournalEntry, journalEntryOf } from './search_functions.ts'

export interface SeriesEntry extends SeriesPosition {
  entry: JournalEntry
  sealedAt: string
  /** Where the next entry of its user is; undefined: it is the last one. */
  newer: SeriesPosition | undefined
}

export interface ShardJournal {
  /** In no order. */
  found: SeriesEntry[]
  /** How far down it looked in each series. */
  throughs: SeriesPosition[]
  /** The shards that it looked at. */
  shards: string[]
}

interface Row extends EntryRow {
  position: string | null
  newer: string | null
  through: string | null
  shards: string | null
}

/**
 * Reads entries of the shards that a server has: of each series at most `maxRows` below its place,
 * the highest.
 */
export async function getShardJournal(
  { run }: Pick<Database, 'run'>,
  places: readonly JournalPlace[],
  maxRows: number,
): Promise<ShardJournal> {
  const befores = arrayLiteral(places.map(({ series, before }) => textOf(series, before)))
  const rows = await run((sql) =>
    sql<Row[]>`
      select (x.entry).*, (x.entry).metadata::text as metadata, x.newer, x.through,
             x.shards::text
        from ledger.get_shard_journal(befores => ${befores}::bigint[], max_rows => ${maxRows}) x`
  )
  const ends = rows.filter(({ position }) => position === null)
  return {
    found: rows.filter(({ position }) => position !== null).map((row) => ({
      ...positionOf(row.position!),
      entry: journalEntryOf(row),
      sealedAt: isoTimestamp(row.sealed_at),
      newer: row.newer === null ? undefined : positionOf(row.newer),
    })),
    throughs: ends.map(({ through }) => positionOf(through!)),
    shards: ends[0] ? itemsOf(ends[0].shards!) : [],
  }
}
