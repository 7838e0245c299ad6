/** All rows by name, in the order in which they are run. */
import { crowd } from './rows/crowd.ts'
import { hot } from './rows/hot.ts'
import { idle } from './rows/idle.ts'
import { limit } from './rows/limit.ts'
import { long } from './rows/long.ts'
import { naive } from './rows/naive.ts'
import { neighbour } from './rows/neighbour.ts'
import { reads } from './rows/reads.ts'
import type { Row } from './rows/row.ts'
import { spread } from './rows/spread.ts'

export const ROWS = {
  spread,
  hot,
  long,
  limit,
  naive,
  idle,
  reads,
  crowd,
  neighbour,
} satisfies Record<string, Row>

export type RowName = keyof typeof ROWS
