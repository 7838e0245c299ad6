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

/** What an operation answers, the same whether it was called alone or in a batch. */
export type Said = string[]

/** `1.50` for 1.5 and 1.500. */
const money = (value: unknown) => value === null ? '-' : Number(value).toFixed(2)
const joined = (values: unknown[]) =>
  values.map((value) => String((value as Value | boolean) ?? '-')).join(' ')

const entrySaid = (row: postgres.Row) =>
  joined([
    row['seq'],
    row['action'],
    money(row['amount']),
    money(row['balance']),
    money(row['available']),
    row['replayed'],
  ])
const holdSaid = (row: postgres.Row, status: unknown) =>
  joined([
    row['hold'],
    money(row['amount']),
    status,
    row['expires_at'] === null ? 'never' : 'once',
    money(row['available']),
    row['replayed'],
  ])

/**
 * Calls the function for people that does the same; a refusal is its SQLSTATE, and what was there.
 */
export async function callAlone(sql: postgres.Sql, operation: Operation): Promise<Said> {
  const { op, user, peer, ref, key } = operation
  const amount = operation.amount ?? null
  const [k, m] = [key ?? null, operation.metadata ?? null]
  const call = () => {
    switch (op) {
      case 'DEBIT':
        return sql`select * from debit_user(${user}::bigint, ${amount}::numeric, ${k}, ${m}::text::jsonb)`
      case 'CREDIT':
        return sql`select * from credit_user(${user}::bigint, ${amount}::numeric, ${k}, ${m}::text::jsonb)`
      case 'TRANSFER':
        return sql`select * from transfer(${user}::bigint, ${
          peer ?? null
        }::bigint, ${amount}::numeric, ${k}, ${m}::text::jsonb)`
      case 'HOLD':
        return sql`select * from place_hold(${user}::bigint, ${amount}::numeric, ${
          operation.expiresIn ?? null
        }::numeric, ${k}, ${m}::text::jsonb)`
      case 'CAPTURE':
      case 'CAPTURE PART':
        return sql`select * from capture_hold(${user}::bigint, ${
          ref ?? null
        }::bigint, ${amount}::numeric, ${k}, ${m}::text::jsonb, ${op === 'CAPTURE'})`
      case 'EXTEND':
        return sql`select * from extend_hold(${user}::bigint, ${ref ?? null}::bigint, ${
          operation.expiresIn ?? null
        }::numeric, ${k}, ${m}::text::jsonb)`
      case 'RELEASE':
        return sql`select * from release_hold(${user}::bigint, ${
          ref ?? null
        }::bigint, ${k}, ${m}::text::jsonb)`
      case 'REVERSE':
        return sql`select * from reverse_entry(${user}::bigint, ${
          ref ?? null
        }::bigint, ${k}, ${m}::text::jsonb, ${amount}::numeric)`
      case null:
      default:
        return sql`select * from recalculate_balance(${user}::bigint)`
    }
  }
  try {
    const rows = await call()
    if (op === 'HOLD' || op === 'EXTEND') return rows.map((row) => holdSaid(row, row['status']))
    if (op === 'RELEASE' || op === null) return rows.map(stateSaid)
    return rows.map(entrySaid)
  } catch (error) {
    const { code, detail } = error as { code?: string; detail?: string }
    if (code !== 'LGFND') return [code ?? String(error)]
    const [, available, required] = /^Available is (\S+), required is (\S+)\.$/.exec(detail!)!
    return [joined([code, money(available), money(required)])]
  }
}

const stateSaid = (row: postgres.Row) =>
  joined([money(row['balance']), money(row['available']), row['seq'], row['replayed'] ?? false])

/** The same of the rows that post answers for one operation. */
function saidOf({ op }: Operation, rows: postgres.Row[]): Said {
  const [first] = rows
  const status = first!['status'] as string
  if (status === 'LGFND') {
    const { available, required } = rows.find((row) => row['required'] !== null)!
    return [joined([status, money(available), money(required)])]
  }
  if (status !== 'ok') return [status]
  if (op === 'HOLD' || op === 'EXTEND') return [holdSaid(first!, first!['hold_status'])]
  if (op === 'RELEASE') return [stateSaid(first!)]
  if (op === null) {
    const { user_balance, user_available, user_seq } = first!
    return [joined([money(user_balance), money(user_available), user_seq, false])]
  }
  // At psql a reversal shows the half of whoever asked for it.
  return op === 'TRANSFER' ? rows.map(entrySaid) : [entrySaid(first!)]
}

/** Posts operations in one call, and says what each of them answers. */
export async function postAll(
  sql: postgres.Sql,
  operations: readonly Operation[],
  options?: PostOptions,
): Promise<{ said: Said[]; rows: postgres.Row[] }> {
  const rows = [...await post(sql, operations, options)]
  const said = operations.map((operation, i) =>
    saidOf(operation, rows.filter((row) => row['n'] === i + 1))
  )
  return { said, rows }
}
