/** All rows by name, in the order in which they are run. */
import { bare } from './rows/bare.ts'
import { batches } from './rows/batches.ts'
import { calls } from './rows/calls.ts'
import { crowd } from './rows/crowd.ts'
import { fair } from './rows/fair.ts'
import { hot } from './rows/hot.ts'
import { idle } from './rows/idle.ts'
import { indexes } from './rows/indexes.ts'
import { instances } from './rows/instances.ts'
import { limit } from './rows/limit.ts'
import { long } from './rows/long.ts'
import { memory } from './rows/memory.ts'
import { naive } from './rows/naive.ts'
import { neighbour } from './rows/neighbour.ts'
import { operations } from './rows/operations.ts'
import { reads } from './rows/reads.ts'
import type { Row } from './rows/row.ts'
import { telemetry } from './rows/telemetry.ts'
import { spread } from './rows/spread.ts'
import { start } from './rows/start.ts'
import { verification } from './rows/verify.ts'
import { wal } from './rows/wal.ts'

export const ROWS = {
  calls,
  batches,
  bare,
  operations,
  start,
  spread,
  hot,
  long,
  limit,
  naive,
  idle,
  reads,
  crowd,
  neighbour,
  telemetry,
  instances,
  fair,
  wal,
  indexes,
  verify: verification,
  memory,
} satisfies Record<string, Row>

export type RowName = keyof typeof ROWS
