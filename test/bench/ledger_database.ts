/** A database of the benchmark: who was acknowledged what in it, and whether that is there. */
import postgres from 'postgres'
import type { LoadResult } from './load.ts'

/** Proving every hash takes longer than the rest of the check. */
const MAX_VERIFIED_ROWS = 150_000
const CHUNK_ROWS = 100_000

export interface LedgerDatabase {
  name: string
  /** As superuser. */
  url: string
  /** As `ledger_service`. */
  serviceUrl: string
  sql: postgres.Sql
  /** Takes note of what a load was answered. */
  note(result: LoadResult): void
  /** What is wrong with the ledger; none is good. */
  check(): Promise<string[]>
}

export function connect(url: string): postgres.Sql {
  return postgres(url, { max: 1, fetch_types: false, max_lifetime: null, onnotice: () => {} })
}

type Acks = LoadResult['streams'][number]['acks']

export function createLedgerDatabase(
  { name, url, serviceUrl }: Pick<LedgerDatabase, 'name' | 'url' | 'serviceUrl'>,
): LedgerDatabase {
  const sql = connect(url)
  const acked: Acks[] = []

  async function check(): Promise<string[]> {
    // With what was known of them before the load, each of these could read everything for each
    // row.
    await sql`analyze users, payment_history`
    const found = [...await sumsOf(sql), ...await missingOf(sql, acked)]
    const [{ rows } = { rows: 0 }] = await sql<{ rows: number }[]>`
      select count(*)::int as rows from payment_history`
    if (rows > MAX_VERIFIED_ROWS) return found
    const findings = await sql<{ finding: string; user_id: string }[]>`
      select finding, user_id from verify_ledger() limit 20`
    return [...found, ...findings.map((row) => `verify_ledger: ${row.finding} of ${row.user_id}`)]
  }

  return {
    name,
    url,
    serviceUrl,
    sql,
    note: ({ streams }) => void acked.push(...streams.map(({ acks }) => acks)),
    check: async () => (await check()).map((finding) => `${name}: ${finding}`),
  }
}

/** The history of each user adds up to the balance, and all of them to all balances. */
async function sumsOf(sql: postgres.Sql): Promise<string[]> {
  const [row] = await sql<{ differing: number; pending: number; same: boolean }[]>`
    with sums as (
      select h.user_id, count(*) filter (where h.seq is null) as pending,
             sum(case h.action when 'CREDIT' then h.amount else -h.amount end) as total
        from payment_history h group by h.user_id)
    select count(*) filter (where u.balance <> coalesce(s.total, 0))::int as differing,
           coalesce(sum(s.pending), 0)::int as pending,
           coalesce(sum(u.balance) = sum(s.total), true) as same
      from users u full join sums s on s.user_id = u.id`
  const { differing, pending, same } = row!
  return [
    ...(differing > 0 ? [`${differing} balances are not the sums of their histories`] : []),
    ...(pending > 0 ? [`${pending} rows are pending`] : []),
    ...(same ? [] : ['all balances are not the sum of all histories']),
  ]
}

/** No entry was acknowledged twice, and each that was is there. */
async function missingOf(sql: postgres.Sql, acked: Acks[]): Promise<string[]> {
  const seen = new Set<number>()
  const found: string[] = []
  for (const { action, users, seqs } of acked) {
    for (let from = 0; from < users.length; from += CHUNK_ROWS) {
      const some = users.subarray(from, from + CHUNK_ROWS)
      const theirs = seqs.subarray(from, from + CHUNK_ROWS)
      // Both fit into the 53 bits of a number.
      some.forEach((user, i) => seen.add(user * 2 ** 32 + theirs[i]!))
      const [row] = await sql<{ present: number }[]>`
        select count(*)::int as present
          from unnest(${`{${some.join()}}`}::bigint[], ${`{${theirs.join()}}`}::bigint[])
               as a (user_id, seq)
          join payment_history h on h.user_id = a.user_id and h.seq = a.seq
         where h.action = ${action} and h.amount = 0.01`
      const missing = some.length - row!.present
      if (missing > 0) found.push(`${missing} acknowledged entries are missing`)
    }
  }
  const total = acked.reduce((sum, { users }) => sum + users.length, 0)
  if (seen.size < total) found.push(`${total - seen.size} entries were acknowledged twice`)
  return found
}
