/** The calls: the statement of each, and what it takes. */
import type { Pick } from './picks.ts'

interface Call {
  statement: string
  /** One pick, but for those that take many at once. */
  values: (picks: Pick[], n: number) => (string | number)[]
  /** What entries are answered, for whoever looks whether they are there. */
  makes?: 'CREDIT' | 'DEBIT'
}

const run = crypto.randomUUID()
const METADATA = '{"order":"2026-001042","channel":"web"}'

const ofUser: Call['values'] = ([pick]) => [pick!.user]
const ofBoth: Call['values'] = ([pick]) => [pick!.user, pick!.ref]

const list = (picks: Pick[], value: (pick: Pick) => string | number) =>
  `{${picks.map(value).join()}}`

/** As the service calls it. */
const post = (operation: string): Call => ({
  makes: 'DEBIT',
  statement: `select * from ledger.post(
    operations => $1::text[], user_ids => $2::bigint[], amounts => $3::numeric[],
    peer_user_ids => nullif($4::text, '')::bigint[], refs => null, expires_ins => null,
    idempotency_keys => null, metadatas => null, wait => false)`,
  values: (picks) => [
    list(picks, () => operation),
    list(picks, ({ user }) => user),
    list(picks, () => '0.01'),
    operation === 'TRANSFER' ? list(picks, ({ ref }) => ref) : '',
  ],
})

export const CALLS = {
  debit: {
    makes: 'DEBIT',
    statement: 'select * from debit_user($1::bigint, 0.01)',
    values: ofUser,
  },
  'keyed debit': {
    makes: 'DEBIT',
    statement: 'select * from debit_user($1::bigint, 0.01, $2::text, $3::text::jsonb)',
    values: ([pick], n) => [pick!.user, `${run}-${n}`, METADATA],
  },
  credit: {
    makes: 'CREDIT',
    statement: 'select * from credit_user($1::bigint, 0.01)',
    values: ofUser,
  },
  transfer: {
    makes: 'DEBIT',
    statement: 'select * from transfer($1::bigint, $2::bigint, 0.01)',
    values: ofBoth,
  },
  hold: { statement: 'select * from place_hold($1::bigint, 0.01, 60)', values: ofUser },
  capture: {
    makes: 'DEBIT',
    statement: 'select * from capture_hold($1::bigint, $2::bigint)',
    values: ofBoth,
  },
  release: { statement: 'select * from release_hold($1::bigint, $2::bigint)', values: ofBoth },
  reverse: {
    makes: 'CREDIT',
    statement: 'select * from reverse_entry($1::bigint, $2::bigint)',
    values: ofBoth,
  },
  'batch of debits': post('DEBIT'),
  'batch of transfers': post('TRANSFER'),
  /** Of post_entries.sql, as the service called it then. */
  'post_entries': {
    makes: 'DEBIT',
    statement: `select * from post_entries(
      user_ids => $1::bigint[], actions => $2::text[], amounts => $3::numeric[],
      idempotency_keys => $4::text[], metadatas => $5::jsonb[], wait => false)`,
    values: (picks) => [
      list(picks, ({ user }) => user),
      list(picks, () => 'DEBIT'),
      list(picks, () => '0.01'),
      list(picks, () => 'null'),
      list(picks, () => 'null'),
    ],
  },
  // Of naive.sql.
  'naive debit': {
    statement: 'select * from naive_debit($1::bigint, 0.01)',
    values: ofUser,
  },
  'naive transfer': {
    statement: 'select * from naive_transfer($1::bigint, $2::bigint, 0.01)',
    values: ofBoth,
  },
  'bare update': {
    statement:
      `update users set balance = balance - 0.01, updated_at = now() where id = $1::bigint`,
    values: ofUser,
  },
} satisfies Record<string, Call>

export type CallKind = keyof typeof CALLS

export const callOf = (kind: CallKind): Call => CALLS[kind]
