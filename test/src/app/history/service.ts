/** The service of history.test.ts. */
import { type Call, useHttp } from '../../../support/http.ts'
import { one } from '../../../support/ledger.ts'

export const ID = 'must be digits, from 1 to 9007199254740991'
export const MOMENT = 'must be a moment of RFC 3339 with an offset, such as 2026-01-31T23:59:59Z'
export const BAD_MOMENTS = [
  ['', 'now', '2026-01-01', '2026-01-01T00:00:00', '2026-01-01 00:00:00Z', '1767225600'],
  ['2026-13-01T00:00:00Z', '2026-02-29T00:00:00Z', '2026-01-01T24:00:00Z', '0000-01-01T00:00:00Z'],
  ['2026-01-01T00:00:00%2B15:00', '0001-01-01T00:00:00%2B01:00', '2026-01-01T00:00Z'],
  ['infinity', '2026-01-01T00:00:00.1234567890Z', '02026-01-01T00:00:00Z'],
].flat()

export const http = useHttp()
export const call: Call = (...request) => http.call(...request)
export const user = (credit?: string | number) => http.user(credit)
export const history = (id: number, query = '', headers: Record<string, string> = {}) =>
  call('GET', `/users/${id}/history${query}`, undefined, headers)

/** When an entry was posted, with all its digits. */
export async function sealedAt(id: number, seq: number): Promise<string> {
  const row = await one(http.sql<{ at: string }[]>`
    select to_char(sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
      from payment_history where user_id = ${id} and seq = ${seq}`)
  return row.at
}

/** Manual entries of 0.01 that were posted, some at a time. */
export async function load(id: number, rows: number, note = ''): Promise<void> {
  for (let left = rows; left > 0; left -= 2000) {
    await http.sql`
      insert into payment_history (user_id, action, amount, metadata)
      select ${id}, 'CREDIT', 0.01, jsonb_build_object('note', ${note}::text)
        from generate_series(1, ${Math.min(left, 2000)}::int)`
    await http.sql`select recalculate_balance(${id}::bigint)`
  }
}
