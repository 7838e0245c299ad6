/** What `npm run migrate` needs of a server and a database, before anything is changed. */
import { readdirSync } from 'node:fs'
import type postgres from 'postgres'
import { NINE } from './from_nine.ts'

const OLDEST_MAJOR = 16
const NEWEST_MAJOR = 18

export interface Facts {
  /** Of the server, e.g. 18. */
  major: number
  isStandby: boolean
  encoding: string
  hasPublic: boolean
  /** Where a table goes that is made without a schema; null if nowhere. */
  schema: string | null
  /** Who may make functions that ours could find in their place: PUBLIC, or a role of ours. */
  creators: string[]
}

/** @throws Error with one line if migrations can't go onto this server */
export async function checkServerVersion(sql: postgres.Sql): Promise<void> {
  const [row] = await sql<{ major: number }[]>`
    select current_setting('server_version_num')::integer / 10000 as major`
  const fault = serverFault(row!.major)
  if (fault) throw new Error(fault)
}

/**
 * @returns what to warn of, a line each
 * @throws Error with one line if migrations can't go into this database
 */
export async function checkDatabase(sql: postgres.Sql, migrations: string): Promise<string[]> {
  const facts = await readFacts(sql)
  const fault = databaseFault(facts) ?? await foreignMigrations(sql, migrations)
  if (fault) throw new Error(fault)
  if (facts.major <= NEWEST_MAJOR) return []
  return [`Warning: PostgreSQL ${facts.major} is newer than what this is tested with`]
}

/** By itself, since on an older server it would be another query that fails. */
function serverFault(major: number): string | undefined {
  if (major >= OLDEST_MAJOR) return undefined
  return `PostgreSQL ${major} is too old: this needs ${OLDEST_MAJOR} to ${NEWEST_MAJOR}`
}

/** The first thing that is wrong with a database, and what to do about it; undefined if none is. */
export function databaseFault(facts: Facts): string | undefined {
  const { major, isStandby, encoding, hasPublic, schema, creators } = facts
  const tooOld = serverFault(major)
  if (tooOld) return tooOld
  if (isStandby) return 'this server is a standby: give the URL of the primary'
  if (encoding !== 'UTF8') {
    return `the database is in ${encoding}: make another with "encoding 'UTF8' template template0"`
  }
  if (!hasPublic) return 'the database has no schema public: "create schema public"'
  if (schema !== 'public') {
    return `the search_path leads to ${schema ?? 'no schema'} and must lead to public: ` +
      'set it for this role or database'
  }
  if (creators.length > 0) {
    const who = creators.join(', ')
    return `${who} may create in schema public, so anybody's functions could run as the owner: ` +
      `"revoke create on schema public from ${who}"`
  }
  return undefined
}

async function readFacts(sql: postgres.Sql): Promise<Facts> {
  const [row] = await sql<Omit<Facts, 'creators'>[]>`
    select current_setting('server_version_num')::integer / 10000 as major,
           pg_is_in_recovery() as "isStandby",
           (select pg_encoding_to_char(d.encoding) from pg_database d
             where d.datname = current_database()) as encoding,
           to_regnamespace('public') is not null as "hasPublic",
           current_schema()::text as schema`
  const rows = row!.hasPublic
    ? await sql<{ name: string }[]>`
      select r.name from (values ('public'), ('ledger_dba'), ('ledger_service')) r (name)
       where case when r.name = 'public' or to_regrole(r.name) is not null
                  then has_schema_privilege(r.name, 'public', 'create') end`
    : []
  const names = rows.map(({ name }) => name)
  // Whoever has it by being anybody need not be named, too.
  return { ...row!, creators: names.includes('public') ? ['public'] : names }
}

/** What is wrong with a table of migrations that is there already; undefined if it is ours. */
async function foreignMigrations(
  sql: postgres.Sql,
  migrations: string,
): Promise<string | undefined> {
  const columns = await sql<{ name: string; type: string; required: boolean }[]>`
    select a.attname as name, format_type(a.atttypid, null) as type,
           a.attnotnull and not a.atthasdef and a.attidentity = '' as required
      from pg_attribute a
     where a.attrelid = to_regclass('public.schema_migrations')
       and a.attnum > 0 and not a.attisdropped`
  if (columns.length === 0) return undefined
  const foreign = 'the table schema_migrations is of another program: ' +
    'give the ledger a database of its own'
  const isOurs = columns.every(({ name, type, required }) =>
    name === 'version' ? /^(character varying|text)$/.test(type) : !required
  )
  if (!isOurs || !columns.some(({ name }) => name === 'version')) return foreign
  const ours = new Set(readdirSync(migrations).map((file) => /^\d+/.exec(file)?.[0]))
  const applied = await sql<{ version: string }[]>`select version from public.schema_migrations`
  if (applied.length === 0 || applied.some(({ version }) => ours.has(version))) return undefined
  return applied.some(({ version }) => NINE.includes(version))
    ? 'the nine migrations before this one made the database: give the URL of a new one, and copy ' +
      'this one into it with "npm run migrate -- --from-nine <URL of this one>"'
    : foreign
}
