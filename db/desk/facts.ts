/**
 * What `npm run status` reads: how a ledger is, and the few things besides it that it relies on.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type postgres from 'postgres'
import { createRedisClient } from '../../src/cache/redis.ts'
import { arrayLiteral } from '../../src/ledger/rows.ts'

const REDIS_MS = 2000

export interface Schema {
  /** Of the newest migration that was applied; null: none was. */
  version: string | null
  /** Migrations that this checkout has and the database lacks. */
  pending: string[]
  /** Migrations that the database has and this checkout doesn't know; only the owner sees them. */
  unknown: string[]
}

export interface Role {
  name: string
  /** The first that it is: superuser, owner, ledger_dba, ledger_service, or none of these. */
  is: string
}

export interface Contents {
  users: number
  entries: number
  pending: { entries: number; oldest_seconds: number }
  active_holds: { holds: number; amount: string }
  /** null: no anchor was ever made. */
  anchor: { number: number; at: string } | null
  /** How many findings there are of each kind about the guards. */
  guards: Record<string, number>
}

/** Which migrations the database has, compared with a folder of them. */
export async function readSchema(sql: postgres.Sql, migrations: string): Promise<Schema> {
  const known = readdirSync(migrations).flatMap((file) => /^\d+/.exec(file)?.[0] ?? []).sort()
  const applied = await readApplied(sql, known)
  return {
    version: applied.at(-1) ?? null,
    pending: known.filter((version) => !applied.includes(version)),
    unknown: applied.filter((version) => !known.includes(version)),
  }
}

/** The owner reads the list of migrations; others may ask for each that they know. */
async function readApplied(sql: postgres.Sql, known: string[]): Promise<string[]> {
  const [list] = await sql<{ isThere: boolean; isReadable: boolean }[]>`
    select c.oid is not null as "isThere",
           coalesce(has_table_privilege(c.oid, 'select'), false) as "isReadable"
      from to_regclass('public.schema_migrations') c (oid)`
  if (!list!.isThere) return []
  const rows = list!.isReadable
    ? await sql<{ version: string }[]>`select version from public.schema_migrations order by 1`
    : await sql<{ version: string }[]>`
      select k.version from unnest(${arrayLiteral(known)}::text[]) k (version)
       where ledger.has_migration(k.version) order by 1`
  return rows.map(({ version }) => version)
}

/** Who asks. */
export async function readRole(sql: postgres.Sql): Promise<Role> {
  const [row] = await sql<Role[]>`
    select r.rolname as name, case
      when r.rolsuper then 'superuser'
      when r.oid = (select d.datdba from pg_database d where d.datname = current_database())
        then 'owner'
      else coalesce((
        select m.rolname from pg_roles m
         where m.rolname in ('ledger_dba', 'ledger_service')
           and pg_has_role(r.oid, m.oid, 'member')
         order by m.rolname limit 1), 'no role of the ledger') end as is
      from pg_roles r where r.rolname = current_user`
  return row!
}

/** What is in the ledger. Reads no history: what users copy of it is what verification compares. */
export async function readContents(sql: postgres.Sql): Promise<Contents> {
  const [row] = await sql<{ contents: Contents }[]>`
    select json_build_object(
      'users', u.users, 'entries', u.entries,
      'pending', json_build_object('entries', p.entries, 'oldest_seconds', round(p.oldest_seconds)),
      'active_holds', (
        select json_build_object('holds', count(*), 'amount', coalesce(sum(h.amount), 0.00)::text)
          from public.active_holds h),
      'anchor', (
        select json_build_object('number', a.number, 'at', a.at)
          from ledger.anchors a order by a.at desc limit 1),
      'guards', (
        select coalesce(json_object_agg(g.finding, g.findings), '{}') from (
          select v.finding, count(*) as findings from ledger.verify_guards() v
           group by v.finding) g)) as contents
      from (select count(*) as users, coalesce(sum(seq), 0) as entries from public.users) u,
           ledger.count_pending() p`
  return row!.contents
}

export interface Verification {
  at: string
  findings: number
}

/**
 * What a complete verification wrote with --metrics.
 * @throws Error with one line if there is no such file, or it has something else
 */
export function readVerification(file: string): Verification {
  const text = readFileSync(file, 'utf8')
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  const seconds = value('ledger_verification_timestamp_seconds')
  const findings = value('ledger_verification_findings')
  if (Number.isNaN(seconds) || Number.isNaN(findings)) {
    throw new Error(`${file} is not what npm run verify -- --metrics wrote`)
  }
  return { at: new Date(seconds * 1000).toISOString(), findings }
}

/** `ok` if a Redis over REST answers; else why it doesn't. */
export async function pingRedis(url: string, token: string): Promise<string> {
  const client = createRedisClient({ url, token })
  try {
    const [reply] = await client.pipeline((commands) => commands.ping(), REDIS_MS)
    return reply?.result === 'PONG' ? 'ok' : 'it does not answer PONG'
  } catch (error) {
    return (error as Error).message
  }
}
