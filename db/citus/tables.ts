/** Which tables are distributed, and how. */
import type postgres from 'postgres'

/** By the column that names the user; the others follow the first, user by user. */
export const TABLES: [table: string, column: string][] = [
  ['users', 'id'],
  ['payment_history', 'user_id'],
  ['holds', 'user_id'],
  ['hold_changes', 'user_id'],
  ['manual_entries', 'user_id'],
  ['user_controls', 'user_id'],
  ['user_details', 'user_id'],
  ['erasures', 'user_id'],
  ['intervention_traces', 'user_id'],
]

interface Trigger {
  name: string
  definition: string
}

/** Distributes those of the tables that aren't yet, in the transaction of the caller. */
export async function distributeTables(sql: postgres.Sql, tables: typeof TABLES): Promise<void> {
  const names = tables.map(([table]) => `public.${table}`).join(', ')
  await sql.unsafe(`lock table ${names} in access exclusive mode`)
  for (const [table, column] of tables) {
    const [row] = await sql`
      select from pg_dist_partition d where d.logicalrelid = ${`public.${table}`}::regclass`
    if (!row) await distributeTable(sql, table, column)
  }
  // The coordinator gives a manual entry its id, and hands it to the shard like any other column.
  await sql`grant insert (id) on public.payment_history to ledger_dba`
  await sql.unsafe(`
    create or replace function ledger.is_distributed() returns boolean
      language sql immutable parallel safe as $$ select true $$`)
}

/**
 * Without its triggers meanwhile: rows that move aren't new, and what stays of them here goes by
 * TRUNCATE.
 */
async function distributeTable(sql: postgres.Sql, table: string, column: string): Promise<void> {
  const name = `public.${table}`
  const triggers = await sql<Trigger[]>`
    select quote_ident(t.tgname) as name, pg_get_triggerdef(t.oid) as definition
      from pg_trigger t where t.tgrelid = ${name}::regclass and not t.tgisinternal`
  for (const trigger of triggers) await sql.unsafe(`drop trigger ${trigger.name} on ${name}`)
  const beside = table === 'users' ? 'default' : 'public.users'
  await sql`select create_distributed_table(${name}::regclass, ${column}, colocate_with => ${beside})`
  await sql`select truncate_local_data_after_distributing_table(${name}::regclass)`
  for (const trigger of triggers) {
    await sql.unsafe(trigger.definition)
    await sql.unsafe(`alter table ${name} enable always trigger ${trigger.name}`)
  }
}
