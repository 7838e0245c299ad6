/** Where a reader of the journal is, as `next` of a page, which it gives back as `before`. */
import { LAST_POSITION } from './series_functions.ts'

/** Below a position of one series; 0: nothing of it is left. */
export interface JournalPlace {
  /** The number of the server: see ledger.get_servers. */
  series: number
  before: number
}

/** A position where users are on one server, or a place in the series of each of several. */
export type JournalCursor = number | readonly JournalPlace[]

/** Characters of a cursor; one of many servers is long. */
export const MAX_JOURNAL_CURSOR_LENGTH = 4096

const POSITION = /^\d+$/
const PLACES = /^\d{1,4}\.\d{1,15}(~\d{1,4}\.\d{1,15})*$/

/** `next` of a page where users are on several servers. */
export const journalCursorText = (places: readonly JournalPlace[]): string =>
  places.map(({ series, before }) => `${series}.${before}`).join('~')

/** @returns undefined if the text is no cursor */
export function parseJournalCursor(text: string): JournalCursor | undefined {
  if (text.length > MAX_JOURNAL_CURSOR_LENGTH) return undefined
  if (POSITION.test(text)) {
    const position = Number(text)
    return position >= 1 && Number.isSafeInteger(position) ? position : undefined
  }
  if (!PLACES.test(text)) return undefined
  const places = text.split('~').map((place): JournalPlace => {
    const [series, before] = place.split('.').map(Number) as [number, number]
    return { series, before }
  })
  const isOnce = new Set(places.map(({ series }) => series)).size === places.length
  // Behind the last position of all is where the series of a server that is gone begins.
  return isOnce && places.every(({ before }) => before <= LAST_POSITION + 1) ? places : undefined
}
