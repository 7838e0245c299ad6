/**
 * What the service relies on of the role that it logs in as: whoever has its password may change
 * it.
 */
import type { Database } from '../database/database.ts'

/** The functions that the service calls, each with its schema. */
export const SERVICE_FUNCTIONS: readonly string[] = [
  'ledger.advance_webhook',
  'ledger.assert_replica',
  'ledger.balances_below',
  'ledger.claim_webhook',
  'ledger.count_pending',
  'ledger.find_entries',
  'ledger.find_keys',
  'ledger.get_balances',
  'ledger.get_changes',
  'ledger.get_erasures',
  'ledger.get_events',
  'ledger.get_history',
  'ledger.get_hold',
  'ledger.get_moments',
  'ledger.get_series',
  'ledger.get_servers',
  'ledger.get_shard_events',
  'ledger.get_shard_journal',
  'ledger.get_shard_users',
  'ledger.get_shards',
  'ledger.get_statement',
  'ledger.get_user_state',
  'ledger.get_users',
  'ledger.has_migration',
  'ledger.incarnation',
  'ledger.ledger_id',
  'ledger.list_controls',
  'ledger.list_holds',
  'ledger.list_journal',
  'ledger.list_users',
  'ledger.pause_cache',
  'ledger.post',
  'ledger.post_in_shards',
  'ledger.set_control',
  'ledger.verify_user_page',
  'public.balance_at',
  'public.create_user',
]

export interface ServiceRole {
  name: string
  /** What it may do beyond what a service needs, in PostgreSQL's words. */
  excess: string[]
  /** Time limits that it does not carry. */
  missingLimits: string[]
  /** Of the functions that are there, those that it may not call. */
  forbidden: string[]
  /** Its commits don't wait for the disk: what was acknowledged could be lost. */
  isAsynchronous: boolean
  /** It is set to read only, by itself; a whole server or database may be, like a standby. */
  isReadOnly: boolean
}

/**
 * Of the session that asks, and of those that will open from now on: their settings are in the
 * catalog, as they were written. Names are qualified, for the role may choose its search_path.
 */
export async function readServiceRole(database: Database): Promise<ServiceRole> {
  const [row] = await database.run((sql) =>
    sql<{ facts: ServiceRole }[]>`
      with stored as (
        select distinct on (c.name) c.name, c.value, s.setrole = r.oid as is_own
          from pg_catalog.pg_roles r
          join pg_catalog.pg_db_role_setting s on s.setrole in (0, r.oid) and s.setdatabase in (0,
            (select d.oid from pg_catalog.pg_database d
              where d.datname = pg_catalog.current_database()))
         cross join lateral (
           select pg_catalog.split_part(t, '=', 1) as name, pg_catalog.split_part(t, '=', 2) as value
             from pg_catalog.unnest(s.setconfig) t) c
         where r.rolname = session_user
         order by c.name, s.setrole <> 0 desc, s.setdatabase <> 0 desc
      ), expected (name) as (
        select pg_catalog.unnest(${`{${SERVICE_FUNCTIONS.join(',')}}`}::text[])
      )
      select pg_catalog.json_build_object(
        'name', r.rolname,
        'excess', (
          select coalesce(pg_catalog.json_agg(e.name), '[]') from (values
            ('SUPERUSER', r.rolsuper), ('CREATEROLE', r.rolcreaterole),
            ('CREATEDB', r.rolcreatedb), ('REPLICATION', r.rolreplication),
            ('BYPASSRLS', r.rolbypassrls),
            ('ownership of the ledger', not r.rolsuper and exists (
              select from pg_catalog.pg_class c
               where c.relnamespace = pg_catalog.to_regnamespace('public')
                 and c.relname = 'payment_history'
                 and pg_catalog.pg_has_role(r.oid, c.relowner, 'member'))),
            ('the rights of ledger_dba', not r.rolsuper and exists (
              select from pg_catalog.pg_roles d
               where d.rolname = 'ledger_dba'
                 and pg_catalog.pg_has_role(r.oid, d.oid, 'member')))
          ) e (name, has) where e.has),
        'missingLimits', (
          select coalesce(pg_catalog.json_agg(l.name), '[]')
            from pg_catalog.unnest(array['statement_timeout', 'lock_timeout',
              'idle_in_transaction_session_timeout', 'client_connection_check_interval']) l (name)
           where not exists (select from stored s
             where s.name = l.name and s.is_own and s.value !~ '^(-|0+\\D*$)')),
        'forbidden', (
          select coalesce(pg_catalog.json_agg(distinct e.name), '[]')
            from expected e
            join pg_catalog.pg_namespace n on n.nspname = pg_catalog.split_part(e.name, '.', 1)
            join pg_catalog.pg_proc p
              on p.pronamespace = n.oid and p.proname = pg_catalog.split_part(e.name, '.', 2)
           where not pg_catalog.has_schema_privilege(n.oid, 'usage')
              or not pg_catalog.has_function_privilege(p.oid, 'execute')),
        'isAsynchronous', 'off' in (pg_catalog.current_setting('synchronous_commit'), (
          select case when pg_catalog.lower(s.value) in ('off', 'false', 'no', '0') then 'off' end
            from stored s where s.name = 'synchronous_commit')),
        'isReadOnly', exists (
          select from stored s where s.is_own
             and case s.name when 'default_transaction_read_only'
               -- It may be written as t or ON as well.
               then s.value::pg_catalog.bool else false end)
      ) as facts
        from pg_catalog.pg_roles r where r.rolname = session_user`
  )
  return row!.facts
}

export interface RoleFault {
  /** For callers, who are told no names. */
  detail: string
  /** For whoever runs the service. */
  why: string
}

/** What is so wrong that the service must not work with it; undefined if nothing is. */
export function roleFault(role: ServiceRole): RoleFault | undefined {
  const { name, forbidden, isAsynchronous, isReadOnly } = role
  if (forbidden.length > 0) {
    return {
      detail: 'The role of the service lacks rights: `npm run migrate` gives them back.',
      why: `${name} may not execute ${forbidden.join(', ')}: "npm run migrate" gives it the right`,
    }
  }
  if (isAsynchronous) {
    return {
      detail: 'Commits of the service do not wait for the disk.',
      why: `synchronous_commit is off: "alter role ${name} reset synchronous_commit", or of the ` +
        'database or the server',
    }
  }
  if (isReadOnly) {
    return {
      detail: 'The role of the service only reads.',
      why: `default_transaction_read_only is on: "alter role ${name} reset ` +
        'default_transaction_read_only"',
    }
  }
  return undefined
}

/** What is less safe than it could be, a line each. */
export function roleWarnings({ name, excess, missingLimits }: ServiceRole): string[] {
  return [
    ...(excess.length > 0
      ? [`${name} has ${excess.join(', ')}: ledger_service is all that the service needs`]
      : []),
    ...(missingLimits.length > 0 ? [`${name} has no ${missingLimits.join(', ')} of its own`] : []),
  ]
}
