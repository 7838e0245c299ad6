/** What `npm run distribute` finds, and why it may not go on. */
import { readdirSync } from 'node:fs'
import type postgres from 'postgres'
import { checkVersion } from './versions.ts'

const MIGRATIONS = new URL('../migrations', import.meta.url)
const PAGE = 'docs/how-to/distribute.md'

export interface Facts {
  database: string
  /** Migrations that the ledger lacks; null without a ledger. */
  pending: string[] | null
  isSuperuser: boolean
  citus: Citus | null
}

export interface Citus {
  version: string
  isCoordinator: boolean
  /** The servers that get shards, such as `10.0.0.2:5432`. */
  workers: string[]
  /** Whether the coordinator would get shards, too. */
  isWorker: boolean
  /** How many shards the ledger has; 0 before it is distributed. */
  shards: number
}

/** @throws PostgresError if this isn't the owner of the ledger */
export async function readFacts(sql: postgres.Sql): Promise<Facts> {
  const [row] = await sql<{ database: string; ledger: boolean; citus: boolean; super: boolean }[]>`
    select current_database() as database,
           to_regclass('ledger.identity') is not null as ledger,
           (select r.rolsuper from pg_roles r where r.rolname = current_user) as super,
           exists (select from pg_extension e where e.extname = 'citus') as citus`
  const { database, ledger, citus, super: isSuperuser } = row!
  return {
    database,
    isSuperuser,
    pending: ledger ? await readPending(sql) : null,
    citus: citus ? await readCitus(sql) : null,
  }
}

async function readPending(sql: postgres.Sql): Promise<string[]> {
  const applied = await sql<{ version: string }[]>`select version from public.schema_migrations`
  const known = readdirSync(MIGRATIONS).flatMap((file) => /^\d+/.exec(file)?.[0] ?? [])
  return known.filter((version) => !applied.some((row) => row.version === version)).sort()
}

async function readCitus(sql: postgres.Sql): Promise<Citus> {
  const [row] = await sql<Citus[]>`
    select citus_version() as version,
           (select l.groupid = 0 from pg_dist_local_group l) as "isCoordinator",
           to_jsonb(array(
             select format('%s:%s', n.nodename, n.nodeport) from pg_dist_node n
              where n.groupid <> 0 and n.noderole = 'primary' and n.isactive
                and n.shouldhaveshards order by 1)) as workers,
           exists (select from pg_dist_node n
                    where n.groupid = 0 and n.shouldhaveshards) as "isWorker",
           (select count(*)::integer from pg_dist_shard s
             where s.logicalrelid = to_regclass('public.users')) as shards`
  return row!
}

/** The first thing that is wrong, and what to do about it; undefined if nothing is. */
export function faultOf({ database, pending, isSuperuser, citus }: Facts): string | undefined {
  if (!pending) return `the database ${database} has no ledger: "npm run migrate" makes one`
  if (pending.length > 0) return 'the ledger has an old schema: "npm run migrate" comes first'
  if (!citus) return `this is PostgreSQL without Citus: ${PAGE} says how to bring it up`
  const { fault } = checkVersion(citus.version)
  if (fault) return fault
  if (!citus.isCoordinator) return 'this server is a worker: give the URL of the coordinator'
  if (!isSuperuser) return 'only a superuser may put triggers on distributed tables'
  if (citus.workers.length === 0) return `no worker was added to the coordinator: see ${PAGE}`
  if (citus.isWorker) {
    return 'the coordinator must have no shards: "select citus_set_node_property(…, ' +
      `'shouldhaveshards', false)", see ${PAGE}`
  }
  return undefined
}
