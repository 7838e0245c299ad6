import { expect, test } from 'vitest'
import { SETTINGS } from '../../support/session_settings.ts'
import { hashAfter } from '../../support/sealing.ts'
import { one, useLedger } from '../../support/ledger.ts'
import { hashOf, PREVIOUS, type Row, row, utf8 } from './entry_bytes.ts'

const ledger = useLedger()

/** Rows, and their hashes for ever. */
const VECTORS: [string, Buffer | null, Row, v1: string, v2: string][] = [
  [
    'a first row',
    null,
    row({}),
    'fd4a2cb6268c0bb2d357884754ffc43f6ac5f3bab7c6fac94b62e83426b29d1d',
    'e2f5f6746f71df60bc8558d389fb1d961053d47f7b842cbe8db2552a9a545735',
  ],
  [
    'the smallest amounts',
    PREVIOUS,
    row({ amount: '0.01', balance: '-0.01', held: '0.10' }),
    '008f532b5e96ec6d2c865e9c392582a4a157a892474ea6ddb0a6b63a25f6243a',
    '38a3005a9811b0c8d1f59c3051b40225897ce81d3c32db01d7acc2bb07ed4deb',
  ],
  [
    'the largest values',
    PREVIOUS,
    row({
      user_id: '9007199254740991',
      seq: '9223372036854775807',
      action: 'DEBIT',
      amount: '9999999999.99',
      balance: '-999999999999999999.99',
      held: '999999999999999999.99',
      ts: '9223371331199999999',
      hold: '9223372036854775807',
      reverses: '1',
      peer_user_id: '9007199254740991',
      peer_seq: '2',
    }),
    '79e552eb0c28adb8c8e16699ec067c2403c142d5980a3c9d9642cbfce3fce65f',
    '6067af526dd069409497b47665c0fa591070b30d1016b5161a120705e28fbbe4',
  ],
  [
    'zeros inside',
    PREVIOUS,
    row({ amount: '10000.00', balance: '100000000.00' }),
    '21c2c7ecda9f0007e4e08a2bd5b873dcb4163810cbfb8d5c1148a8b043d432d8',
    'eaea17511eec4454368e6810f51abe43a25069703f4e8101baa93458e2c52923',
  ],
  [
    'a time before 2000',
    null,
    row({ ts: '-946684800000001' }),
    '29ab3d69a3597a0362b1f3c497cc1e2f4ca1a45e93cf2b1fc81e027eb3bed1d5',
    '3566bf21e469ac9e952fe07d152f93cf99f4eb3398f5cc7403c451282751c7b6',
  ],
  [
    'a key and Unicode metadata',
    PREVIOUS,
    row({ idempotency_key: '~!"|', metadata: '{"é": "\\u0001💶", "a": [1.50, null, true]}' }),
    '16800b16e40dba91f5d4ead6835c2dfa1142f769ec98d71bcc5f256ecbc4fb36',
    '5ceb8a2b071ed8690d86345d2f97c18de97a4af8af87e7d7a0cd317459a5358d',
  ],
  [
    'empty metadata',
    null,
    row({ metadata: '{}' }),
    'a71740b95db365376ab9657691dd84c52c533ce7cc65a0e1d802e033908d922f',
    '58eb70ba3e566994137568f8be356a2fe0ef8641e579ea7279bb00850d79aca5',
  ],
]

/** What each version of the function in the database says, under settings of the session. */
async function hashesOf(previous: Buffer | null, r: Row, settings: Record<string, string> = {}) {
  const sql = ledger.connect()
  await sql`begin`
  for (const [name, value] of Object.entries(settings)) {
    await sql`select set_config(${name}, ${value}, true)`
  }
  const micros = (text: string) => `${text} microseconds`
  const columns = `user_id, action, amount, ts, seq, balance, sealed_at, idempotency_key, metadata,
    held, hold, reverses, peer_user_id, peer_seq`
  const row = await one(sql`
    select encode(${sql.unsafe(hashAfter('r.previous', 'r', '_1'))}, 'hex') as v1,
           encode(${sql.unsafe(hashAfter('r.previous', 'r'))}, 'hex') as v2
      from (values (decode(${previous?.toString('hex') ?? null}::text, 'hex'), ${r.user_id}::bigint,
        ${r.action}::text, ${r.amount}::numeric,
        '2000-01-01 00:00:00+00'::timestamptz + ${micros(r.ts)}::text::interval, ${r.seq}::bigint,
        ${r.balance}::numeric,
        '2000-01-01 00:00:00+00'::timestamptz + ${micros(r.sealed_at)}::text::interval,
        ${r.idempotency_key}::text,
        convert_from(decode(${
    r.metadata === null ? null : utf8(r.metadata).toString('hex')
  }::text, 'hex'), 'UTF8')::jsonb,
        ${r.held}::numeric, ${r.hold}::bigint, ${r.reverses}::bigint, ${r.peer_user_id}::bigint,
        ${r.peer_seq}::bigint)) r (previous, ${sql.unsafe(columns)})`)
  await sql.end()
  return row
}

/** The text of metadata as PostgreSQL prints it. */
async function printed({ metadata }: Row): Promise<string | null> {
  const row = await one(ledger.sql`select ${metadata}::text::jsonb::text as metadata`)
  return row['metadata']
}

test.each(VECTORS)(
  'entry_hash() of %s is what it has always been',
  async (_, previous, r, v1, v2) => {
    const shown = { ...r, metadata: await printed(r) }
    expect([hashOf(previous, shown, 1), hashOf(previous, shown, 2)]).toEqual([v1, v2])
    expect(await hashesOf(previous, r)).toEqual({ v1, v2 })
  },
)

test.each(
  Object.entries(SETTINGS).flatMap(([name, values]) => values.map((v) => [name, v] as const)),
)(
  'entry_hash() depends on nothing but the row: %s = %s',
  async (name, value) => {
    for (const [, previous, r, v1, v2] of VECTORS) {
      expect(await hashesOf(previous, r, { [name]: value })).toEqual({ v1, v2 })
    }
  },
)

test('each field, and the row before, changes entry_hash()', () => {
  const fields: Partial<Row>[] = [
    { user_id: '2' },
    { seq: '2' },
    { action: 'DEBIT' },
    { amount: '10.51' },
    { ts: '1' },
    { balance: '10.51' },
    { sealed_at: '2' },
    { idempotency_key: 'a' },
    { metadata: '{}' },
    { held: '0.01' },
    { hold: '1' },
    { reverses: '1' },
    { peer_user_id: '1' },
    { peer_seq: '1' },
  ]
  const hashes = fields.map((field) => hashOf(null, row(field)))
  expect(new Set([hashOf(null, row({})), hashOf(PREVIOUS, row({})), ...hashes]).size).toBe(16)
})

test('every row that the ledger writes has the hash of its wire format', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(), await ledger.user()]
  await sql`select credit_user(${id}::bigint, 1000, 'k1', '{"n": "ü"}')`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 0.07)`
  await sql`select place_hold(${id}::bigint, 20.5)`
  await sql`select capture_hold(${id}::bigint, 1::bigint)`
  await sql`select transfer(${id}::bigint, ${other}::bigint, 10)`
  await sql`select reverse_entry(${id}::bigint, 4::bigint)`
  const rows = await sql<(Row & { hash: string })[]>`
    select user_id, seq, action, amount, balance, idempotency_key, metadata::text, held, hold,
           reverses, peer_user_id, peer_seq, encode(hash, 'hex') as hash,
           (extract(epoch from ts - '2000-01-01 00:00:00+00') * 1000000)::bigint as ts,
           (extract(epoch from sealed_at - '2000-01-01 00:00:00+00') * 1000000)::bigint as sealed_at
      from payment_history h where h.user_id in (${id}, ${other}) order by user_id, seq`
  expect(rows).toHaveLength(7)
  let previous: Buffer | null = null
  for (const entry of rows) {
    if (entry.seq === '1') previous = null
    expect(entry.hash).toBe(hashOf(previous, entry))
    previous = Buffer.from(entry.hash, 'hex')
  }
})
