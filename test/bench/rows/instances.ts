/** instances: two and four services on one database and one user, against one. */
import { type Bench, CONNECTIONS, expectGood } from '../bench.ts'
import type { LedgerDatabase } from '../ledger_database.ts'
import { pair, type Side } from '../pairs.ts'
import { SINGLES } from '../postgres.ts'
import type { Program } from '../programs.ts'
import type { Row } from './row.ts'

const USERS = { first: SINGLES.first + 3, count: 1 }

/** All connections, shared out among some instances. */
function loopOn(bench: Bench, database: LedgerDatabase, programs: Program[]): Side {
  const name = `debits/s of ${programs.length}`
  const connections = CONNECTIONS / programs.length
  return {
    name,
    async run(seconds) {
      const streams = programs.map(({ url }) => ({
        url,
        request: 'debit' as const,
        users: USERS,
        connections,
      }))
      const { result, ...phase } = await bench.measure(
        programs,
        { kind: 'http', streams, seconds },
        (result) => result.streams.reduce((sum, { perSecond }) => sum + perSecond, 0),
      )
      // Whoever waits for another instance's batches for too long is told so.
      expectGood(bench, name, result, ['503'])
      database.note(result)
      return phase
    },
  }
}

export const instances: Row = async (bench) => {
  const database = await bench.database('shared')
  const all = [await bench.service(database)]
  const most = bench.quick ? 2 : 4
  for (let n = 1; n < most; n++) {
    // A setting of its own makes it another one.
    all.push(await bench.service(database, { SNAPSHOT_TTL_SECONDS: String(60 + n) }))
  }
  const one = loopOn(bench, database, all.slice(0, 1))
  const two = loopOn(bench, database, all.slice(0, 2))
  const pairs = [await pair(bench, 'instances, two', two, one, { least: 1 })]
  if (most === 4) {
    pairs.push(
      await pair(bench, 'instances, four', loopOn(bench, database, all), one, { least: 1 }),
    )
  }
  return { pairs }
}
