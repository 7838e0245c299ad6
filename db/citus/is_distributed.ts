/** Whether `npm run distribute` has spread the users of a ledger over several servers. */
import type postgres from 'postgres'

/** Asks the catalog, since an older ledger lacks the function, and not everybody may call it. */
export async function isDistributed(sql: postgres.Sql): Promise<boolean> {
  const rows = await sql`
    select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = 'ledger' and p.proname = 'is_distributed' and p.prosrc like '%true%'`
  return rows.length > 0
}
