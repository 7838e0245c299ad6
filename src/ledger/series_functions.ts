/**
 * The functions that read events where users are on several servers, each of which numbers what is
 * written there: its positions are a series, and a shard keeps those of each server where it was.
 */
import type { Database } from '../database/database.ts'
import { eventOf, type EventRow, type EventsRequest, type FoundEvent } from './event_functions.ts'
import { arrayLiteral } from './rows.ts'

/** Above the lowest so many bits of a position is the number of its series. */
const POSITION_BITS = 48n
/** The last position of a series. */
export const LAST_POSITION = 2 ** 48 - 1

export interface Server {
  series: number
  /** As the servers call it; undefined: of the coordinator, or of a server that is gone. */
  address: { host: string; port: number } | undefined
}

/** How far a server has given positions, and who is at work there. */
export interface Numbering {
  series: number
  lastPosition: number
  epoch: string
  incarnation: string
  /** The oldest transaction that may have taken a position; undefined: there is none. */
  oldestOpen: bigint | undefined
  /** Whoever has taken a position up to the last one is older than that. */
  horizon: bigint | undefined
}

/** A position, as what it is in its series. */
export interface SeriesPosition {
  series: number
  position: number
}

export interface SeriesEvent extends Omit<FoundEvent, 'position'>, SeriesPosition {
  /** Where that is which has to come before it. */
  needs: SeriesPosition[]
}

export interface ShardEventsRequest extends Pick<EventsRequest, 'userIds' | 'types' | 'maxRows'> {
  epoch: string
  series: {
    series: number
    after: number
    until: number
    /** Of the event that was read last. */
    position: number
  }[]
}

export interface ShardEvents {
  found: SeriesEvent[]
  /** How far it looked in each series; the digest of the event read last, if it is here. */
  ends: { series: number; through: number; digest: string | null }[]
  /** The shards that it looked at. */
  shards: string[]
}

/** What the database calls a position of a series. */
export const textOf = (series: number, position: number): string =>
  String((BigInt(series) << POSITION_BITS) + BigInt(position))

/** Which position of which series that is. */
export function positionOf(text: string): SeriesPosition {
  const position = BigInt(text)
  return {
    series: Number(position >> POSITION_BITS),
    position: Number(BigInt.asUintN(Number(POSITION_BITS), position)),
  }
}

/** The items of an array without quotes. */
export const itemsOf = (literal: string): string[] =>
  literal.slice(1, -1).split(',').filter((item) => item !== '')

/** Asks the coordinator for every server that there was; there is none if there is only one. */
export async function getServers({ run }: Pick<Database, 'run'>): Promise<Server[]> {
  const rows = await run((sql) =>
    sql<{ series: number; host: string | null; port: number | null }[]>`
      select series, host, port from ledger.get_servers()`
  )
  return rows.map(({ series, host, port }) => ({
    series,
    address: host === null ? undefined : { host, port: port! },
  }))
}

/** Asks a server how far it has given positions. */
export async function getSeries({ run }: Pick<Database, 'run'>): Promise<Numbering> {
  const [row] = await run((sql) =>
    sql<
      {
        series: number
        last_position: string
        epoch: string
        incarnation: string
        oldest_open: string | null
        horizon: string | null
      }[]
    >`select s.series, s.last_position, s.epoch, s.incarnation, s.oldest_open::text,
             s.horizon::text from ledger.get_series() s`
  )
  const { series, last_position: last, epoch, incarnation, oldest_open: open, horizon } = row!
  return {
    series,
    lastPosition: positionOf(last).position,
    epoch,
    incarnation,
    oldestOpen: open === null ? undefined : BigInt(open),
    horizon: horizon === null ? undefined : BigInt(horizon),
  }
}

/**
 * Reads events of the shards that a server has.
 * @throws 55P03 if the epoch is another one
 */
export async function getShardEvents(
  { run }: Pick<Database, 'run'>,
  { epoch, series, userIds, types, maxRows }: ShardEventsRequest,
): Promise<ShardEvents> {
  const places = (of: 'after' | 'until' | 'position') =>
    arrayLiteral(series.map((one) => textOf(one.series, one[of])))
  const rows = await run((sql) =>
    sql<(EventRow & { series: number; needs: string | null; shards: string | null })[]>`
      select (x.event).*, (x.event).metadata::text as metadata, x.series, x.needs::text,
             x.shards::text
        from ledger.get_shard_events(epoch => ${epoch}::text, afters => ${
      places('after')
    }::bigint[],
          untils => ${places('until')}::bigint[],
          read_positions => ${places('position')}::bigint[],
          user_ids => ${userIds ? arrayLiteral([...userIds]) : null}::bigint[],
          types => ${types ? arrayLiteral([...types]) : null}::text[],
          max_rows => ${maxRows}) x`
  )
  const ends = rows.slice(-series.length)
  return {
    found: rows.slice(0, -series.length).map((row) => ({
      ...eventOf(row),
      ...positionOf(row.position),
      needs: itemsOf(row.needs ?? '{}').map(positionOf),
    })),
    ends: ends.map((row) => ({
      series: row.series,
      through: positionOf(row.through!).position,
      digest: row.digest,
    })),
    shards: itemsOf(ends[0]!.shards!),
  }
}
