/** Makes one order, newest first, of the entries that several servers have numbered. */
import { createIsFull } from '../core/page_length.ts'
import type { JournalPlace } from './journal_cursor.ts'
import type { SeriesEntry } from './journal_functions.ts'
import type { JournalEntry } from './search_functions.ts'

/** What is known of one series. */
export interface JournalSeries {
  /** Up to where it was read. */
  place: JournalPlace
  /** What comes next, the highest position first: all that there is down to `through`. */
  found: SeriesEntry[]
  /** 0: nothing is below. */
  through: number
}

/**
 * Of the highest entries of all series that of the latest moment, again and again; an entry may
 * come when the next one of its user has, or is above where the first page began. As positions of
 * a user were taken one after the other, there is always one of which that is so; where somebody
 * has given numbers by hand, the latest comes.
 * @returns the entries, and where the next page begins
 */
export function mergeJournal(
  all: readonly JournalSeries[],
  maxRows: number,
): { entries: JournalEntry[]; places: JournalPlace[] } {
  const rest = all.map((one) => ({ ...one, next: 0 }))
  type Rest = typeof rest[number]
  const bySeries = new Map(rest.map((one) => [one.place.series, one]))
  const isFull = createIsFull(maxRows)
  const entries: JournalEntry[] = []

  /** Below which nothing was read. */
  const reached = ({ found, next, through }: Rest) =>
    next < found.length ? found[next]!.position + 1 : through
  const isRead = ({ newer }: SeriesEntry) => {
    const one = newer && bySeries.get(newer.series)
    return one === undefined || newer!.position >= reached(one)
  }
  const later = (one: Rest, other: Rest) =>
    one.found[one.next]!.sealedAt >= other.found[other.next]!.sealedAt ? one : other

  for (;;) {
    // What wasn't looked at might be later.
    if (rest.some((one) => one.next === one.found.length && one.through > 0)) break
    const heads = rest.filter((one) => one.next < one.found.length)
    if (heads.length === 0) break
    const free = heads.filter((one) => isRead(one.found[one.next]!))
    const first = (free.length > 0 ? free : heads).reduce(later)
    const { entry } = first.found[first.next]!
    if (isFull(entry)) break
    entries.push(entry)
    first.next++
  }
  return {
    entries,
    places: rest.map((one) => ({ series: one.place.series, before: reached(one) })),
  }
}
