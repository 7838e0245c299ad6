/** Reads the entries of everybody page by page, newest first. */
import { Problem } from '../core/errors.ts'
import { invalidRequest } from '../core/invalid_request.ts'
import { rowsOfPage } from '../core/page_length.ts'
import type { Database } from '../database/database.ts'
import { askEveryShard, type DistributedHistory, type EveryShardOptions } from './every_shard.ts'
import { type JournalCursor, journalCursorText, type JournalPlace } from './journal_cursor.ts'
import { getShardJournal, type ShardJournal } from './journal_functions.ts'
import { mergeJournal } from './merge_journal.ts'
import type { JournalEntry, LedgerSearch } from './search_functions.ts'
import { LAST_POSITION } from './series_functions.ts'

export interface JournalPage {
  entries: JournalEntry[]
  /** `before` of the next page; null: there is none. */
  next: number | string | null
}

/**
 * @param before where the page before has ended; undefined: above everything
 * @throws Problem invalid_request if that is no cursor of this ledger, busy
 */
export type ReadJournal = (
  before: JournalCursor | undefined,
  maxRows: number,
) => Promise<JournalPage>

export interface JournalOptions extends EveryShardOptions {
  ledger: Pick<LedgerSearch, 'listJournal'>
  /**
   * How far the history is settled; undefined: all users are on one server.
   * @param isNow to be found out now
   */
  settled: (isNow: boolean) => Promise<DistributedHistory | undefined>
  /** Wraps the functions of a server, to observe them. */
  observe?: (functions: { getShardJournal: typeof getShardJournal }) => {
    getShardJournal: typeof getShardJournal
  }
}

function refuse(): never {
  throw invalidRequest([{ path: ['before'], message: 'must be `next` of the page before' }])
}

/**
 * Where a page begins in each series. The first one begins where the history is settled: nothing
 * can get in below that any more. A position from before users were spread is in the first series.
 */
function placesOf(history: DistributedHistory, before: JournalCursor | undefined): JournalPlace[] {
  if (typeof before === 'number' && before > LAST_POSITION) refuse()
  const known = typeof before === 'number' ? [{ series: 0, before }] : before
  return history.series.map(({ series, position }) => {
    if (known) return known.find((place) => place.series === series) ?? { series, before: 0 }
    if (position === undefined) throw new Problem('busy')
    return { series, before: position + 1 }
  })
}

/** What all servers have of each series. */
function seriesOf(places: JournalPlace[], asked: JournalPlace[], answers: ShardJournal[]) {
  return places.map((place) => {
    const n = asked.indexOf(place)
    const through = n < 0 ? 0 : Math.max(...answers.map(({ throughs }) => throughs[n]!.position))
    // A shard that is just moving may have answered twice.
    const found = new Map(
      answers.flatMap((answer) => answer.found)
        .filter(({ series, position }) => series === place.series && position >= through)
        .map((entry) => [entry.position, entry]),
    )
    return {
      place,
      through,
      found: Array.from(found.values()).sort((a, b) => b.position - a.position),
    }
  })
}

/** Creates the reader. */
export function createJournal(
  { ledger, settled, observe = (functions) => functions, ...options }: JournalOptions,
): ReadJournal {
  const functions = observe({ getShardJournal })

  async function readShards(
    history: DistributedHistory,
    before: JournalCursor | undefined,
    maxRows: number,
  ): Promise<JournalPage> {
    const places = placesOf(history, before)
    const asked = places.filter((place) => place.before > 0)
    // One more than are shown, to know whether there are more.
    const ask = (database: Database) => functions.getShardJournal(database, asked, maxRows + 1)
    const answers = asked.length > 0 ? await askEveryShard(options, history, ask) : []
    const merged = mergeJournal(seriesOf(places, asked, answers), maxRows)
    const isWhole = merged.places.every((place) => place.before === 0)
    return { entries: merged.entries, next: isWhole ? null : journalCursorText(merged.places) }
  }

  return async (before, maxRows) => {
    const history = await settled(before === undefined)
    if (history) return await readShards(history, before, maxRows)
    if (typeof before === 'object') refuse()
    const { entries, scannedTo } = await ledger.listJournal(before, maxRows + 1)
    const shown = rowsOfPage(entries, maxRows)
    const next = entries.length > shown.length ? shown.at(-1)!.position : scannedTo ?? null
    return { entries: shown, next }
  }
}
