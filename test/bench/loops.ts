/** The loops that rows measure: requests over HTTP, and calls without the service. */
import { type Bench, CONNECTIONS } from './bench.ts'
import type { LedgerDatabase } from './ledger_database.ts'
import type { LoadResult, SqlJob, Stream, Users } from './load.ts'
import type { Side } from './pairs.ts'
import { MANY } from './postgres.ts'
import type { Program } from './programs.ts'
import type { Supply } from './targets.ts'

/** Fails the run if anything else came than good answers, and what is allowed. */
export function expectGood(
  bench: Bench,
  name: string,
  { streams }: LoadResult,
  allowed: string[] = [],
): void {
  for (const { good, statuses } of streams) {
    const all = Object.values(statuses).reduce((sum, count) => sum + count, 0)
    const refused = allowed.reduce((sum, status) => sum + (statuses[status] ?? 0), 0)
    if (all !== good + refused) bench.failures.push(`${name}: ${JSON.stringify(statuses)}`)
    // A short look at a busy machine may see nothing else than busy.
    if (good + (bench.quick ? refused : 0) === 0) bench.failures.push(`${name}: no good answer`)
  }
}

/** Of a quick run, which has to wait for the last of their answers. */
const FEW_CONNECTIONS = 64

export interface LoopOptions {
  name: string
  program: Program
  /** Takes note of what was acknowledged. */
  database?: LedgerDatabase
  request?: Stream['request']
  users?: Users
  peers?: Users
  /** Of what each request needs one, made before the time begins. */
  supply?: Supply
  connections?: number
  valueIn?: (result: LoadResult) => number
  /** Statuses that may come, too. */
  allowed?: string[]
}

/** A closed loop over HTTP. */
export function httpLoop(bench: Bench, options: LoopOptions): Side {
  const { name, program, database, request = 'debit', users = MANY, valueIn } = options
  // While everything starts and the tests of others run, it may well be busy.
  const { connections = bench.quick ? FEW_CONNECTIONS : CONNECTIONS } = options
  const { allowed = bench.quick ? ['503'] : [] } = options
  const { peers, supply } = options
  return {
    name,
    async run(seconds) {
      const targets = await supply?.take(seconds)
      const stream = {
        url: program.url,
        request,
        users,
        connections,
        ...(peers && { peers }),
        ...(targets && { targets }),
      }
      const job = { kind: 'http' as const, streams: [stream], seconds }
      const { result, ...phase } = await bench.measure([program], job, valueIn)
      supply?.used(result)
      expectGood(bench, name, result, allowed)
      database?.note(result)
      return phase
    },
  }
}

export interface CallOptions
  extends
    Pick<LoopOptions, 'users' | 'supply' | 'database' | 'valueIn'>,
    Partial<Pick<SqlJob, 'url' | 'call' | 'items'>> {
  name?: string
  connections: number
}

/** A closed loop of calls, of debit_user unless it is told otherwise, on a URL or a database. */
export function sqlLoop(bench: Bench, options: CallOptions): Side {
  const { url, database, call = 'debit', items, users = MANY, supply, connections } = options
  const { name = `debit_user on ${connections} connection${connections > 1 ? 's' : ''}` } = options
  return {
    name,
    async run(seconds) {
      const targets = await supply?.take(seconds)
      const { result, ...phase } = await bench.measure([], {
        kind: 'sql' as const,
        url: url ?? database!.url,
        call,
        users,
        connections,
        seconds,
        ...(items && { items }),
        ...(targets && { targets }),
      }, options.valueIn)
      supply?.used(result)
      expectGood(bench, name, result)
      database?.note(result)
      return phase
    },
  }
}
