/**
 * instances: two and four services on one database and one user, against one with all their
 * callers.
 */
import { type Bench, CONNECTIONS } from '../bench.ts'
import type { LedgerDatabase } from '../ledger_database.ts'
import { expectGood } from '../loops.ts'
import { type Goal, median, type Pair, pair, type Side } from '../pairs.ts'
import { SINGLES } from '../postgres.ts'
import type { Program } from '../programs.ts'
import type { Row } from './row.ts'

const USERS = { first: SINGLES.first + 3, count: 1 }

/** How many debits went to PostgreSQL so far, and in how many calls. */
async function batchesOf(programs: Program[]): Promise<[debits: number, calls: number]> {
  const texts = await Promise.all(programs.map(async ({ url }) => {
    return await (await fetch(`${url}/metrics`)).text()
  }))
  const sum = (name: string) =>
    texts.reduce((sum, text) => {
      return sum + Number(new RegExp(`^debit_batch_size_${name} (\\d+)$`, 'm').exec(text)![1])
    }, 0)
  return [sum('sum'), sum('count')]
}

interface Loop extends Side {
  /** Debits in a call, of each run. */
  sizes: number[]
}

/** Some connections, shared out among some instances. */
function loopOn(
  bench: Bench,
  database: LedgerDatabase,
  programs: Program[],
  all: number,
): Loop {
  const name = `our debits/s of ${programs.length} on ${all}`
  const sizes: number[] = []
  const connections = all / programs.length
  return {
    name,
    sizes,
    async run(seconds) {
      const [debits, calls] = await batchesOf(programs)
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
      const [moreDebits, moreCalls] = await batchesOf(programs)
      sizes.push((moreDebits - debits) / (moreCalls - calls))
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
  const loop = (services: number, connections: number) =>
    loopOn(bench, database, all.slice(0, services), connections)
  // Each of them has to have seen as much as the one.
  const warm = { ...bench, warm_seconds: most * bench.warm_seconds }
  const pairs: Pair[] = []
  const sizes: string[] = []
  async function compare(name: string, services: number, connections: number, goal?: Goal) {
    const sides = [loop(services, connections), loop(1, connections)] as const
    pairs.push(await pair(warm, `instances, ${name}`, ...sides, goal))
    for (const side of sides) {
      sizes.push(`${side.name.replace('our debits/s of ', '')}: ${median(side.sizes).toFixed(1)}`)
    }
  }
  await compare('two', 2, 2 * CONNECTIONS, { least: 1 })
  if (most === 4) {
    await compare('four', 4, 4 * CONNECTIONS, { least: 1 })
    await compare('four, few', 4, CONNECTIONS)
  }
  return { pairs, facts: [`debits in a call, by instances and connections: ${sizes.join(', ')}`] }
}
