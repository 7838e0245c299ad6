/** What the rows have in common: servers that are started once, measurements, and their checks. */
import type { LedgerDatabase } from './ledger_database.ts'
import { type HttpJob, type LoadResult, type SqlJob, startLoadGenerator } from './load.ts'
import type { LoadGenerator } from './load.ts'
import { cpuOf, cpuOfFamily } from './machine.ts'
import type { Phase } from './pairs.ts'
import { type BenchPostgres, startBenchPostgres } from './postgres.ts'
import { type Program, type Runtime, startProgram } from './programs.ts'

export const CONNECTIONS = 256

export interface BenchOptions {
  runtime: Runtime
  postgresVersion: 16 | 18
  /** A few seconds a row, for the checks; the numbers say nothing. */
  quick: boolean
  /** How long the crowd of the memory row stays, if that is asked for. */
  minutes?: number
}

export interface Bench extends BenchOptions {
  rounds: number
  /** Of one measurement. */
  seconds: number
  warm_seconds: number
  postgres: BenchPostgres
  /** What went wrong so far. */
  failures: string[]
  /** Made when it is first asked for, and checked at the end. */
  database(name: string): Promise<LedgerDatabase>
  /** The service on a database, with more settings if there are any; each started once. */
  service(database: LedgerDatabase, env?: Record<string, string>): Promise<Program>
  /** Another program of this folder, started once. */
  program(file: string, env?: Record<string, string>, runtime?: Runtime): Promise<Program>
  measure(
    programs: Program[],
    job: HttpJob | SqlJob,
    valueIn?: (result: LoadResult) => number,
  ): Promise<Measurement>
  /** Checks every database. */
  check(): Promise<void>
  stop(): Promise<void>
}

export const serviceEnv = ({ serviceUrl }: LedgerDatabase): Record<string, string> => ({
  DATABASE_URL: serviceUrl,
  PORT: '0',
  LOG_LEVEL: 'warn',
  // What a request costs with its line in the log is a row of its own.
  ACCESS_LOG: 'off',
})

export interface Measurement extends Phase {
  result: LoadResult
}

export async function startBench(options: BenchOptions): Promise<Bench> {
  const { runtime, quick } = options
  const postgres = await startBenchPostgres(options.postgresVersion)
  const load = startLoadGenerator()
  const databases = new Map<string, Promise<LedgerDatabase>>()
  const programs = new Map<string, Promise<Program>>()
  const failures: string[] = []

  function once<T>(kept: Map<string, Promise<T>>, key: string, make: () => Promise<T>) {
    const made = kept.get(key) ?? make()
    kept.set(key, made)
    return made
  }

  const start = (file: string, env: Record<string, string> = {}, on: Runtime = runtime) =>
    once(
      programs,
      JSON.stringify([file, env, on]),
      () => startProgram(on, file, env, postgres.folder),
    )

  return {
    ...options,
    rounds: quick ? 1 : 7,
    seconds: quick ? 0.2 : 0.8,
    warm_seconds: quick ? 0 : 2,
    postgres,
    failures,
    database: (name) => once(databases, name, () => postgres.createLedger(name)),
    service: (database, env = {}) =>
      start(`src/${runtime}.ts`, { ...serviceEnv(database), ...env }),
    program: (file, env, on) => start(`test/bench/${file}`, env, on),
    measure: (used, job, valueIn) => measure({ postgres, load }, used, job, valueIn),
    async check() {
      for (const database of databases.values()) failures.push(...await (await database).check())
    },
    async stop() {
      for (const program of programs.values()) await program.then((p) => p.stop()).catch(() => {})
      for (const database of databases.values()) await (await database).sql.end({ timeout: 5 })
      await load.stop()
      await postgres.stop()
    },
  }
}

async function measure(
  { postgres, load }: { postgres: BenchPostgres; load: LoadGenerator },
  programs: Program[],
  job: HttpJob | SqlJob,
  valueIn: (result: LoadResult) => number = ({ streams }) => streams[0]!.perSecond,
): Promise<Measurement> {
  const used = () => programs.reduce((sum, { pid }) => sum + cpuOf(pid), 0)
  const before = { service: used(), postgres: cpuOfFamily(postgres.pid) }
  const result = await load.run(job)
  return {
    result,
    value: valueIn(result),
    requests: result.streams.reduce((sum, { good, acks }) => sum + (acks.users.length || good), 0),
    cpu_ms: {
      service: used() - before.service,
      postgres: cpuOfFamily(postgres.pid) - before.postgres,
      load: result.cpu_ms,
    },
  }
}
