/**
 * neighbour: how long others take while one user has most of the load, against without that user.
 */
import { type Bench, CONNECTIONS } from '../bench.ts'
import type { LedgerDatabase } from '../ledger_database.ts'
import type { Stream } from '../load.ts'
import { expectGood, httpLoop } from '../loops.ts'
import { pair, type Side, slowly } from '../pairs.ts'
import { MANY, SINGLES } from '../postgres.ts'
import type { Program } from '../programs.ts'
import type { Row } from './row.ts'

const HOT_SHARE = 0.8
/** A p99 needs many answers. */
const LONGER = 1.5
const LEAST_ARRIVALS = 100

type Arrivals = Pick<Stream, 'users' | 'arrivals'>

/** The p99 of the first stream. */
function openLoops(
  bench: Bench,
  { name, program, database, streams }: {
    name: string
    program: Program
    database: LedgerDatabase
    streams: Arrivals[]
  },
): Side {
  return {
    name,
    async run(seconds) {
      const { result, ...phase } = await bench.measure([program], {
        kind: 'http',
        streams: streams.map((stream) => ({
          url: program.url,
          request: 'debit' as const,
          connections: CONNECTIONS,
          ...stream,
        })),
        seconds: seconds * LONGER,
      }, ({ streams }) => streams[0]!.p99_ms)
      expectGood(bench, name, result, bench.quick ? ['503'] : [])
      database.note(result)
      return phase
    },
  }
}

export const neighbour: Row = async (bench) => {
  const database = await bench.database('shared')
  const program = await bench.service(database)
  const peak = httpLoop(bench, { name: 'the peak', program, database })
  const { value } = await peak.run(bench.seconds)
  // However short the look at the peak was.
  const rate = Math.max(value / 2, LEAST_ARRIVALS)
  const hot = { users: { first: SINGLES.first + 2, count: 1 }, arrivals: HOT_SHARE * rate }
  const others = { users: MANY, arrivals: (1 - HOT_SHARE) * rate }
  const a = openLoops(bench, {
    name: 'p99 of others, ms',
    program,
    database,
    streams: [others, hot],
  })
  const b = openLoops(bench, {
    name: 'our p99 with nobody hot, ms',
    program,
    database,
    streams: [others, { ...hot, users: MANY }],
  })
  return {
    pairs: [await pair(slowly(bench), 'neighbour', a, b, { most: 1.5 })],
    facts: [`${Math.round(rate)} debits a second arrived, half of ${Math.round(value)}`],
  }
}
