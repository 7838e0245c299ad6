/** Reads events where users are on several servers: asks each of them, and makes one order. */
import type { SettledSeries } from '../cache/settled_history.ts'
import { Problem } from '../core/errors.ts'
import { invalidRequest } from '../core/invalid_request.ts'
import {
  BEGINNING,
  type Cursor,
  cursorText,
  NO_DIGEST,
  NO_INCARNATION,
  type Place,
} from './event_cursor.ts'
import type { EventFilter, EventPage } from './event_functions.ts'
import { askEveryShard, type DistributedHistory, type EveryShardOptions } from './every_shard.ts'
import { digestOf, mergeSeries, type Series } from './merge_series.ts'
import { getShardEvents, LAST_POSITION, type ShardEvents } from './series_functions.ts'

export interface ShardEventsOptions extends EveryShardOptions {
  /** Wraps the functions of the database, to observe them. */
  observe?: (functions: { getShardEvents: typeof getShardEvents }) => {
    getShardEvents: typeof getShardEvents
  }
}

export type ReadShardEvents = (
  history: DistributedHistory,
  cursor: Cursor,
  filter: EventFilter,
  maxRows: number,
) => Promise<EventPage>

/** The cursor behind everything that is settled. @throws Problem busy */
export function lastOf({ series, position }: DistributedHistory): Cursor {
  return {
    ...BEGINNING,
    through: position ?? 0,
    series: series.map((one) => {
      if (one.position === undefined) throw new Problem('busy')
      return {
        series: one.series,
        position: 0,
        incarnation: one.incarnation,
        through: one.position,
      }
    }),
  }
}

/** Where a cursor is in each series; one from before users were spread is in the first. */
function placesOf(cursor: Cursor, history: DistributedHistory): Place[] {
  const { position, through, incarnation } = cursor
  if (Math.max(position, through) > LAST_POSITION) {
    const message = 'must be `next` of a page, or the id that came with an event of a stream'
    throw invalidRequest([{ path: ['after'], message }])
  }
  const places = cursor.series ?? [{ series: 0, position, through: Math.max(position, through) }]
  return history.series.map(({ series, incarnation: own }) => ({
    series,
    position: 0,
    through: 0,
    incarnation: own,
    ...series === 0 && incarnation !== undefined && { incarnation },
    ...places.find((place) => place.series === series),
  }))
}

/** Whether a cursor is from another incarnation; a server that is gone has nothing to lose. */
const isOther = (place: Place, { incarnation }: SettledSeries) =>
  place.incarnation !== incarnation &&
  ![place.incarnation, incarnation].includes(NO_INCARNATION)

/** Asks every server that has shards. */
type Ask = (
  history: DistributedHistory,
  places: Place[],
  filter: EventFilter,
  /** 0: none, only whether what was read last is there. */
  maxRows: number,
) => Promise<ShardEvents[]>

/** @returns what throws Problem busy if a shard is on none of the servers */
function createAsk({ observe, ...options }: Required<ShardEventsOptions>): Ask {
  const functions = observe({ getShardEvents })
  return async (history, places, { userIds, types }, maxRows) => {
    const series = places.map(({ series, position, through: after }, n) => {
      const settled = maxRows === 0 ? after : history.series[n]!.position ?? after
      return { series, position, after, until: Math.max(after, settled) }
    })
    const request = { series, userIds, types, maxRows: Math.max(1, maxRows) }
    return await askEveryShard(
      options,
      history,
      (database, epoch) => functions.getShardEvents(database, { epoch, ...request }),
    )
  }
}

/** Another incarnation may have lost what the cursor knows of, even if its events are here. */
async function refuse(
  ask: Ask,
  history: DistributedHistory,
  cursor: Cursor,
  places: Place[],
): Promise<never> {
  const series = places.map((place, n): Place => {
    const own = history.series[n]!
    if (!isOther(place, own)) return place
    // What nobody has read can't be looked for.
    if (place.position === 0 && place.through > 0) throw new Problem('cursor_gone')
    return { ...place, incarnation: own.incarnation, through: place.position }
  })
  const answers = await ask(history, places, {}, 0)
  if (digestOf(digestsOf(answers, places)) !== cursor.digest) throw new Problem('cursor_gone')
  throw new Problem('cursor_gone', { resume: cursorText({ ...cursor, series }) })
}

/** Creates the reader. */
export function createShardEvents(
  { observe = (functions) => functions, ...options }: ShardEventsOptions,
): ReadShardEvents {
  const ask = createAsk({ ...options, observe })
  return async (history, cursor, filter, maxRows) => {
    const places = placesOf(cursor, history)
    if (places.some((place, n) => isOther(place, history.series[n]!))) {
      return await refuse(ask, history, cursor, places)
    }
    const answers = await ask(history, places, filter, maxRows)
    const digests = digestsOf(answers, places)
    if (digestOf(digests) !== cursor.digest) throw new Problem('cursor_gone')
    const merged = mergeSeries(seriesOf(history, places, digests, answers), maxRows)
    const at = ({ digest, places }: Pick<typeof merged, 'digest' | 'places'>): Cursor => ({
      ...BEGINNING,
      digest,
      through: history.position ?? 0,
      series: places,
    })
    const isMoved = merged.places.some(({ through }, n) => through > places[n]!.through)
    const isBehind = merged.places.some(({ through }, n) =>
      through < (history.series[n]!.position ?? 0)
    )
    return {
      events: merged.events.map((one) => ({ event: one.event, cursor: at(one) })),
      next: at(merged),
      // What waits for something that isn't settled comes when that is.
      hasMore: isMoved && isBehind,
    }
  }
}

/** The digests of the last events that were read. */
const digestsOf = (answers: ShardEvents[], places: Place[]): string[] =>
  places.map((_, n) =>
    answers.map(({ ends }) => ends[n]!.digest).find((digest) => digest !== null) ?? NO_DIGEST
  )

/** What all servers have of each series. */
function seriesOf(
  history: DistributedHistory,
  places: Place[],
  digests: string[],
  answers: ShardEvents[],
): Series[] {
  return places.map((place, n) => {
    const through = Math.min(...answers.map(({ ends }) => ends[n]!.through))
    // A shard that is just moving may have answered twice.
    const found = new Map(
      answers.flatMap((answer) => answer.found)
        .filter(({ series, position }) => series === place.series && position <= through)
        .map((event) => [event.position, event]),
    )
    return {
      place,
      digest: digests[n]!,
      found: Array.from(found.values()).sort((a, b) => a.position - b.position),
      through,
      isWhole: through >= Math.max(place.through, history.series[n]!.position ?? 0),
    }
  })
}
