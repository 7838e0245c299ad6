/** What an anchor says of the ledger, computed from its rows as they are now. */
import { createHash, type Hash } from 'node:crypto'
import type postgres from 'postgres'
import type { NewAnchor } from './anchors.ts'

const PAGE_ROWS = 10_000

export type Roots = Omit<
  NewAnchor,
  'version' | 'ledger' | 'key' | 'number' | 'previous' | 'since' | 'at' | 'signature'
>

/** As of `at`, and of what was done since `since` (null: ever); both RFC 3339. */
export async function rootsAt(
  sql: postgres.Sql,
  since: string | null,
  at: string,
): Promise<Roots> {
  return { ...await headsAt(sql, at), ...await changesBetween(sql, since, at) }
}

/**
 * sha256 over the heads of all users with entries as of `at`, in order of id: user id and seq as
 * big-endian int64, then the 32 bytes of the hash; and the same with the sha256 of the balance.
 */
async function headsAt(sql: postgres.Sql, at: string) {
  const hash = createHash('sha256')
  const balances = createHash('sha256')
  let users = 0
  let rows = 0
  let after = '0'
  for (;;) {
    // Not as bytea, which a session may print as it likes.
    const heads = await sql<
      { user_id: string; seq: string; hash: string | null; balance: string | null }[]
    >`
      select user_id, seq, encode(hash, 'hex') as hash,
             encode(sha256(convert_to(balance::text, 'UTF8')), 'hex') as balance
        from ledger.heads_at(${at}::text::timestamptz, ${after}::bigint, ${PAGE_ROWS}::integer)`
    for (const head of heads) {
      if (head.seq === '0') continue
      // A head whose row is gone has no hash: another root, as it must be.
      update(hash, head.user_id, head.seq, head.hash ?? '')
      update(balances, head.user_id, head.seq, head.balance ?? '')
      users++
      rows += Number(head.seq)
    }
    if (heads.length < PAGE_ROWS) {
      return { users, rows, root: hash.digest('hex'), balances_root: balances.digest('hex') }
    }
    after = heads.at(-1)!.user_id
  }
}

interface Changes {
  kind: 'holds' | 'manual_entries' | 'interventions' | 'user_controls' | 'user_details'
  user_id: string
  changes: string
  hash: string
  lasting_hash: string
}

/**
 * Of each kind, sha256 as of the heads: user id, number of changes, the hash of all of these. And
 * of all kinds together, in order, the same of what no erasure takes out.
 */
async function changesBetween(sql: postgres.Sql, since: string | null, at: string) {
  const of = () => ({ count: 0, hash: createHash('sha256') })
  const all = {
    holds: of(),
    manual_entries: of(),
    interventions: of(),
    user_controls: of(),
    user_details: of(),
  }
  const lasting = createHash('sha256')
  const pages = sql<Changes[]>`
    select kind, user_id, changes, hash, lasting_hash from ledger.changes_between(
      array[${since ?? '-infinity'}::text, ${at}::text]::timestamptz[])`.cursor(PAGE_ROWS)
  for await (const page of pages) {
    for (const { kind, user_id, changes, hash, lasting_hash } of page) {
      update(all[kind].hash, user_id, changes, hash)
      update(lasting, user_id, changes, lasting_hash)
      all[kind].count += Number(changes)
    }
  }
  return {
    hold_changes: all.holds.count,
    hold_changes_root: all.holds.hash.digest('hex'),
    manual_entries: all.manual_entries.count,
    manual_entries_root: all.manual_entries.hash.digest('hex'),
    interventions: all.interventions.count,
    interventions_root: all.interventions.hash.digest('hex'),
    user_controls: all.user_controls.count,
    user_controls_root: all.user_controls.hash.digest('hex'),
    user_details: all.user_details.count,
    user_details_root: all.user_details.hash.digest('hex'),
    lasting_root: lasting.digest('hex'),
  }
}

function update(hash: Hash, userId: string, number: string, hex: string): void {
  const numbers = new DataView(new ArrayBuffer(16))
  numbers.setBigInt64(0, BigInt(userId))
  numbers.setBigInt64(8, BigInt(number))
  hash.update(numbers).update(hex, 'hex')
}
