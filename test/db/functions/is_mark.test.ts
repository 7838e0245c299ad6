/** What counts as erased says nothing any more, whoever wrote down that it was. */
import { expect, test } from 'vitest'
import { one, useLedger } from '../../support/ledger.ts'
import {
  erasedControls,
  erasedEntries,
  erasedHolds,
  forgeErasures,
  tamper,
  verifyLedger,
} from '../../support/tampering.ts'

const ledger = useLedger()

test.each([null, '{}', '{"erased": 1}', '{"archived": 1}', '{"erased": 1, "archived": 1}'])(
  '%s says nothing',
  async (metadata) => {
    expect(await one(ledger.sql`select ledger.is_mark(${metadata}::text::jsonb)`))
      .toEqual({ is_mark: true })
  },
)

const erasedDetails = (id: string) => `
  select 'details', 0, 0, ledger.erased_hash(ledger.details_hash(d.user_id, u.created_at,
           d.reference, d.metadata, d.idempotency_key, d.asked_id), d.hash)
    from user_details d join users u on u.id = d.user_id where d.user_id = ${id}`

test.each([
  ['payment_history', 'metadata', erasedEntries, 'hash_differs'],
  ['user_controls', 'reason', erasedControls, 'control_differs'],
  ['hold_changes', 'metadata', erasedHolds, 'hold_invalid'],
  ['user_details', 'metadata', erasedDetails, 'details_invalid'],
])(
  'other text in %s that a false erasure covers is found',
  async (table, column, rows, found) => {
    const sql = ledger.connect()
    const { id } = await one(sql<{ id: string }[]>`
    select id from create_user(metadata => '{"to": "bob"}')`)
    await sql`select credit_user(${id}::bigint, 1, metadata => '{"to": "bob"}')`
    await sql`select freeze_user(${id}::bigint, 'bob'), thaw_user(${id}::bigint)`
    await sql`select place_hold(${id}::bigint, 1, metadata => '{"to": "bob"}')`
    await sql`begin`
    await tamper(
      sql,
      `update ${table} set ${column} = '{"to": "eve"}'
        where user_id = ${id} and ${column} is not null`,
      ...forgeErasures(id, rows(id)),
    )
    expect(await verifyLedger(sql)).toEqual([expect.stringMatching(`^${found} ${id}/`)])
    await sql`rollback`
  },
)
