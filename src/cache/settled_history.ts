/** How far what is in a ledger is settled: no event up to there will be added any more. */

export interface SettledHistory {
  /** The id of the history: see Reading in change_reader.ts. */
  epoch: string
  /** Of the database: a copy or a restored one has another. */
  incarnation: string
  /** Undefined as long as it isn't known. */
  position: number | undefined
  /** Up to where positions have been given. */
  lastPosition: number
  /**
   * Where users are on several servers: each series of positions. Then `position` says how often
   * one of them was settled farther; `lastPosition` is more while one isn't settled to its end.
   */
  series?: readonly SettledSeries[]
}

/** How far what one server has given is settled; a position is that in its series. */
export interface SettledSeries {
  /** The number of the server. */
  series: number
  /** Where its shards are read; undefined: it has none, or is gone. */
  address: { host: string; port: number } | undefined
  /** Of the server as it runs. */
  epoch: string
  incarnation: string
  /** Undefined as long as it isn't known. */
  position: number | undefined
}
