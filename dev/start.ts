/**
 * What `npm start` runs: everything that the service needs and this machine lacks, then the
 * service.
 */
import { join } from 'node:path'
import postgres from 'postgres'
import { migrate } from '../db/migrate.ts'
import { printedHelp, takeNoArguments } from '../src/command_line.ts'
import { type Config, loadConfig } from '../src/config/config.ts'
import { loadEnvFile } from '../src/env_file.ts'
import { readPasswordFile } from '../src/password_file.ts'
import { keptSecret, startPostgres } from './embedded_postgres.ts'
import { onParentGone } from './parent.ts'
import { isFree } from './ports.ts'
import { until } from './processes.ts'
import { startRedisRest } from './redis_rest.ts'

const HELP = `
usage: npm start, or deno task start

Runs the service with all that it needs and this machine lacks: PostgreSQL in DATA_DIR unless
DATABASE_URL is set, a cache, migrations. Settings come from the environment or .env;
.env.example lists them all. Ctrl-C stops everything that it started.

exit codes: 0 stopped by a signal, 1 something that it can't start with, in one line`

const PREDECESSOR_MS = 5_000
const STARTING_MS = 10_000

interface Service {
  url: string
  stop(): Promise<void>
}

/** What has been started, to be stopped in the opposite order, each within its time. */
const parts: { stop: () => Promise<void>; limitMs: number }[] = []
let ending: Promise<void> | undefined

async function start(): Promise<void> {
  takeNoArguments(process.argv.slice(2))
  loadEnvFile()
  const config = loadConfig(process.env, readPasswordFile())
  // Whoever reads this at a terminal would find nothing else between the lines of requests.
  if (!process.env['ACCESS_LOG']) config.accessLog = false
  await checkPort(config)
  goOn()
  const embedded = config.databaseUrl ? undefined : await startDatabase(config)
  goOn()
  if (!config.redis) await startRedis(config)
  goOn()
  const owned = embedded?.url ?? config.migrateDatabaseUrl ?? config.databaseUrl!
  await migrate(owned, console.error)
  if (embedded) config.databaseUrl = await allowService(embedded)
  goOn()
  // Named by a variable, for otherwise each runtime's compiler would look into the other's entry.
  const entry = 'Deno' in globalThis ? '../src/deno.ts' : '../src/node.ts'
  const { serve } = await import(entry) as { serve: (config: Config) => Promise<Service> }
  const service = await serve(config)
  parts.push({ stop: () => service.stop(), limitMs: 10_000 })
  if (embedded) console.log(`psql ${embedded.url}`)
}

function goOn(): void {
  if (ending) throw new Error('interrupted')
}

/** Before anything else is started; a predecessor may still be about to end. */
async function checkPort({ host, port }: Config): Promise<void> {
  if (port === 0) return
  const free = () =>
    isFree(host, port).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`HOST and PORT: can't listen on ${host} ${port} (${error.code})`)
    })
  if (await free()) return
  console.error(`PORT ${port} is in use: waiting for whoever has it to end`)
  if (!await until(free, PREDECESSOR_MS)) throw new Error(`PORT ${port} is in use on ${host}`)
}

interface Embedded {
  /** Of the database `ledger`, as its owner. */
  url: string
  dataDir: string
}

async function startDatabase(config: Config): Promise<Embedded> {
  const database = await startPostgres({
    dataDir: join(config.dataDir, 'postgres'),
    log: console.error,
    interrupted: () => ending !== undefined,
    onLost: (error) => {
      console.error(error.message)
      end(1)
    },
  })
  parts.push({ stop: () => database.stop(), limitMs: 15_000 })
  return { url: new URL('/ledger', database.url).href, dataDir: database.dataDir }
}

/** @returns the URL of the same database for the role with the least rights */
async function allowService({ url: owner, dataDir }: Embedded): Promise<string> {
  const password = await keptSecret(dataDir, 'service_password')
  const sql = postgres(owner, { max: 1, fetch_types: false })
  try {
    // `alter role` takes no parameters: PostgreSQL itself quotes what it is given.
    await sql`select set_config('ledger.password', ${password}, false)`
    await sql`do $$ begin
      execute format(
        'alter role ledger_service login password %L', current_setting('ledger.password'));
    end $$`
  } finally {
    await sql.end()
  }
  const url = new URL(owner)
  url.username = 'ledger_service'
  url.password = encodeURIComponent(password)
  return url.href
}

async function startRedis(config: Config): Promise<void> {
  const redis = await startRedisRest({})
  parts.push({ stop: () => redis.close(), limitMs: 1_000 })
  config.redis = { url: redis.url, token: redis.token }
}

const within = (limitMs: number, work: Promise<unknown>) =>
  Promise.race([work, new Promise((resolve) => setTimeout(resolve, limitMs))])

/** Stops everything once, however often it is asked to, and ends this process. */
function end(code: number): void {
  ending ??= (async () => {
    // Whatever is starting ends first, so that nothing is left half started.
    await within(STARTING_MS, starting).catch(() => {})
    for (const { stop, limitMs } of parts.toReversed()) {
      await within(limitMs, stop()).catch((error: Error) => console.error(error.message))
    }
    process.exit(code)
  })()
}

if (printedHelp(HELP, process.argv.slice(2))) process.exit()

// A parent that was killed takes the other end of the pipe with it: logging must not fail then.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => end(0))
process.on('uncaughtException', (error) => {
  console.error(error)
  end(1)
})

// kill -9 of npm tells its children nothing.
onParentGone(() => end(0))

const starting = start()
await starting.catch((error: Error) => {
  if (!ending) console.error(error.message)
  end(1)
})
