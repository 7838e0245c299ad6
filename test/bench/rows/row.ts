/** A row of the table. */
import type { Bench } from '../bench.ts'
import type { Pair } from '../pairs.ts'

export interface RowResult {
  pairs: Pair[]
  /** What else was seen, a line each. */
  facts?: string[]
}

export type Row = (bench: Bench) => Promise<RowResult>
