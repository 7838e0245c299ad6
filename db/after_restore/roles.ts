/** The roles of the ledger: they belong to the cluster, so no dump of a database has them. */
import type postgres from 'postgres'

const ROLES = ['ledger_service', 'ledger_dba']
/** As the migrations give them. */
const SERVICE_LIMITS = {
  statement_timeout: '3000ms',
  lock_timeout: '2000ms',
  idle_in_transaction_session_timeout: '5000ms',
  client_connection_check_interval: '1000ms',
}

/**
 * Makes the roles that a ledger lacks. Its first migration does so by itself.
 * @returns a line for each
 * @throws Error with one line if they are missing and whoever migrates may not make them
 */
export async function makeMissingRoles(sql: postgres.Sql): Promise<string[]> {
  const missing = await sql<{ name: string }[]>`
    select r.name from unnest(array['ledger_service', 'ledger_dba']) r (name)
     where to_regclass('public.payment_history') is not null and to_regrole(r.name) is null`
  const lines: string[] = []
  for (const name of ROLES.filter((name) => missing.some((one) => one.name === name))) {
    await makeRole(sql, name)
    lines.push(
      name === 'ledger_service'
        ? `Made the role ${name}, which was missing: it needs a password`
        : `Made the role ${name}, which was missing: grant it to those who are to have it`,
    )
  }
  return lines
}

async function makeRole(sql: postgres.Sql, name: string): Promise<void> {
  try {
    await sql`create role ${sql(name)} nologin`
    if (name !== 'ledger_service') return
    for (const [limit, value] of Object.entries(SERVICE_LIMITS)) {
      await sql.unsafe(`alter role ledger_service set ${limit} = '${value}'`)
    }
  } catch (error) {
    const { code, message } = error as postgres.PostgresError
    // Another database of the cluster was faster.
    if (code === '42710' || code === '23505') return
    const hint = `"create role ${name}" as somebody with CREATEROLE, then migrate again`
    throw new Error(`the role ${name} is missing (${message}): ${hint}`, { cause: error })
  }
}
