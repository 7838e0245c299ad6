/** Calls ledger.post as the service does: with an array for each thing that operations say. */
import type postgres from 'postgres'

export interface Operation {
  /** null: only post what is pending. */
  op: string | null
  user: number | string | null
  amount?: number | string | null
  peer?: number | string | null
  /** The number of a hold, or the seq of an entry. */
  ref?: number | string | null
  expiresIn?: number | string | null
  key?: string | null
  /** JSON. */
  metadata?: string | null
}

export interface PostOptions {
  wait?: boolean
  maxPending?: number | null
}

type Value = string | number | null | undefined

/** PostgreSQL's literal of an array. */
export const array = (values: readonly Value[]): string =>
  `{${
    values.map((value) =>
      value === null || value === undefined ? 'null' : JSON.stringify(`${value}`)
    )
      .join(',')
  }}`

export function post(
  sql: postgres.Sql,
  operations: readonly Operation[],
  { wait = false, maxPending = 1000 }: PostOptions = {},
): postgres.PendingQuery<postgres.Row[]> {
  const all = (name: keyof Operation) => array(operations.map((operation) => operation[name]))
  return sql`select * from ledger.post(
    operations => ${all('op')}::text[], user_ids => ${all('user')}::bigint[],
    amounts => ${all('amount')}::numeric[], peer_user_ids => ${all('peer')}::bigint[],
    refs => ${all('ref')}::bigint[], expires_ins => ${all('expiresIn')}::numeric[],
    idempotency_keys => ${all('key')}::text[], metadatas => ${all('metadata')}::jsonb[],
    wait => ${wait}, max_pending => ${maxPending}::integer)`
}
