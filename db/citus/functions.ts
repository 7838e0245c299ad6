/** Which functions are on every server, and which are called where the user is. */
import type postgres from 'postgres'

/** Those of one user: whoever calls one on the coordinator has the user's server run all of it. */
const OF_ONE_USER = [
  'ledger.find_keys',
  'ledger.get_history',
  'ledger.get_hold',
  'ledger.get_moments',
  'ledger.get_statement',
  'ledger.get_user_state',
  'ledger.list_controls',
  'ledger.list_holds',
  'ledger.set_control',
  'public.balance_at',
  'public.capture_hold',
  'public.credit_user',
  'public.debit_user',
  'public.extend_hold',
  'public.freeze_user',
  'public.place_hold',
  'public.recalculate_balance',
  'public.release_hold',
  'public.set_credit_limit',
  'public.thaw_user',
]

/** The same for those that are called inside a transaction, and work as a part of it. */
const IN_TRANSACTIONS = [
  'ledger.lock_half',
  'ledger.lock_in_shard',
  'ledger.open_glass',
  'ledger.post_half',
  'ledger.withdraw_in_shard',
  'ledger.write_half',
  'ledger.write_in_shard',
]

/** Every function of the ledger, but those that take rows of a table only the coordinator has. */
const readFunctions = async (sql: postgres.Sql) =>
  await sql<{ name: string; signature: string }[]>`
    select format('%s.%s', n.nspname, p.proname) as name, p.oid::regprocedure::text as signature
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('public', 'ledger')
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
             and d.objid = p.oid and d.deptype = 'e')
       and not exists (
             select from pg_depend d join pg_type t on t.oid = d.refobjid
               join pg_class c on c.oid = t.typrelid and c.relkind = 'r'
              where d.classid = 'pg_proc'::regclass and d.objid = p.oid
                and d.refclassid = 'pg_type'::regclass
                and not exists (select from pg_dist_partition x where x.logicalrelid = c.oid))
     order by 1`

/** Copies the functions to every server that lacks them, in the transaction of the caller. */
export async function distributeFunctions(sql: postgres.Sql): Promise<void> {
  // On the workers, too, because functions call others that come later. Statements of their own, or
  // Citus doesn't pass the second on.
  await sql`set local citus.propagate_set_commands = 'local'`
  await sql`set local check_function_bodies = off`
  for (const { signature } of await readFunctions(sql)) {
    await sql`select create_distributed_function(${signature}::regprocedure)`
  }
}

/** Has the server of a user run the functions that are called for that user. */
export async function delegateFunctions(sql: postgres.Sql): Promise<void> {
  for (const { name, signature } of await readFunctions(sql)) {
    const isForced = IN_TRANSACTIONS.includes(name)
    if (!isForced && !OF_ONE_USER.includes(name)) continue
    await sql`
      select create_distributed_function(${signature}::regprocedure, 'user_id',
        colocate_with => 'public.users', force_delegation => ${isForced})`
  }
}

/** Takes the right to execute from PUBLIC on every server: a copy of a function gives it anew. */
export async function revokeFromPublic(sql: postgres.Sql): Promise<void> {
  for (const { signature } of await readFunctions(sql)) {
    await sql.unsafe(`revoke all on function ${signature} from public`)
  }
}
