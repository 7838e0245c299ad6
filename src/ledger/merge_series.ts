/** Makes one order of the events that the positions of several servers have, user by user. */
import { createIsFull } from '../core/page_length.ts'
import type { Place } from './event_cursor.ts'
import type { SeriesEvent, SeriesPosition } from './series_functions.ts'

export interface Series {
  /** Behind what was read so far. */
  place: Place
  /** Of the event that was read last. */
  digest: string
  /** What comes next, in the order of positions, all that there is up to `through`. */
  found: SeriesEvent[]
  through: number
  /** Whether there is nothing settled behind `through`. */
  isWhole: boolean
}

export interface MergedEvent extends Pick<SeriesEvent, 'event'> {
  /** Behind this event. */
  places: Place[]
  digest: string
}

export interface Merged {
  events: MergedEvent[]
  places: Place[]
  digest: string
}

/** Of the last events of all series: what any of them alone has changes it. */
export function digestOf(digests: string[]): string {
  let sum = 0n
  for (const digest of digests) sum ^= BigInt(`0x${digest}`)
  return sum.toString(16).padStart(16, '0')
}

/**
 * Of what may come next the event of the earliest moment, again and again; an event may that has
 * nothing before it for its user that wasn't read. There is always one of which that is so: a user
 * is locked from before a position is taken until after the commit, so no circle is possible.
 */
export function mergeSeries(all: Series[], maxRows: number): Merged {
  const rest = all.map((series) => ({ ...series, next: 0 }))
  const bySeries = new Map(rest.map((one) => [one.place.series, one]))
  type Rest = typeof rest[number]
  const isFull = createIsFull()
  const events: MergedEvent[] = []

  /** Up to where there is nothing to read but what isn't wanted. */
  const reached = ({ found, next, through }: Rest) =>
    next < found.length ? found[next]!.position - 1 : through
  const isRead = ({ series, position }: SeriesPosition) => {
    const one = bySeries.get(series)
    return one !== undefined && reached(one) >= position
  }
  const places = () => rest.map((one): Place => ({ ...one.place, through: reached(one) }))
  const digest = () => digestOf(rest.map((one) => one.digest))

  /** The earliest that may come; none if another might be earlier, which wasn't looked at. */
  function first(): Rest | undefined {
    let earliest: Rest | undefined
    for (const one of rest) {
      const head = one.found[one.next]
      if (!head && !one.isWhole) return undefined
      if (!head?.needs.every(isRead)) continue
      const at = earliest?.found[earliest.next]!.event.timestamp
      if (at === undefined || head.event.timestamp < at) earliest = one
    }
    return earliest
  }

  while (events.length < maxRows) {
    const series = first()
    if (!series) break
    const found = series.found[series.next]!
    if (isFull(found.event)) break
    series.next++
    series.place = { ...series.place, position: found.position }
    series.digest = found.digest
    events.push({ event: found.event, places: places(), digest: digest() })
  }
  return { events, places: places(), digest: digest() }
}
