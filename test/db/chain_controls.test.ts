/** Controls and details of users from before these had hashes are what they were, and prove it. */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { runDbmate } from '../support/dbmate.ts'
import { codeOf, connectTo } from '../support/ledger.ts'
import { copyMigrationsBefore } from '../support/older_migrations.ts'
import { tamper, verifyLedger } from '../support/tampering.ts'

const name = `controls_${randomBytes(8).toString('hex')}`
let admin: postgres.Sql
let sql: postgres.Sql
/** The migrations before, and with the one that adds the hashes. */
const folders: string[] = []
let url: string

const ROWS = `
  select to_jsonb(k) - 'hash' as row from user_controls k
   union all select to_jsonb(d) - 'hash' from user_details d order by row`

beforeAll(async () => {
  admin = connectTo(inject('databaseUrl'))
  url = new URL(`/${name}`, inject('databaseUrl')).href
  for (const more of [0, 1]) folders.push(await copyMigrationsBefore('chain_controls', more))
  await migrate(url, () => {}, folders[0])
  sql = connectTo(url)
})
afterAll(async () => {
  await sql.end()
  await admin`drop database if exists ${admin(name)} with (force)`
  await admin.end()
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

/** Two manual entries, one withdrawn, erased as erase_user did it, but for their age. */
async function eraseEntries(user: number): Promise<void> {
  for (const amount of [1, 2]) {
    await sql`insert into payment_history (user_id, action, amount, metadata)
      values (${user}, 'CREDIT', ${amount}, '{"n": 1}')`
  }
  await sql`select withdraw_entry(user_id, id, 'mistyped by somebody')
    from payment_history where seq is null and amount = 2`
  await sql`select recalculate_balance(${user})`
  await sql`begin`
  await sql`select ledger.add_erasures(2, ${user}, 'infinity')`
  await sql`insert into interventions (operation, reason, user_id, before)
    values ('ERASE', 'request 4711', ${user},
      jsonb_build_object('digest', ledger.erasures_digest(2)))`
  await sql`select ledger.apply_erasures(2, ${user}, 'infinity')`
  await sql`commit`
}

test('rows from before stay as they are, and prove themselves', async () => {
  await sql`select create_user(2, 'ä', '{"n": 1.10}', 'k'), create_user(3, null, '{"m": 1}')`
  await sql`select create_user(4), credit_user(2, 5), credit_user(4, 5)`
  await sql`select freeze_user(2, 'für immer'), set_credit_limit(4, 2.5), thaw_user(2)`
  await sql`select set_credit_limit(2, 10, 'once'), freeze_user(4)`
  await eraseEntries(4)
  const before = [...await sql.unsafe(ROWS)]
  expect(before).toHaveLength(7)
  await migrate(url, () => {}, folders[1])
  expect([...await sql.unsafe(ROWS)]).toEqual(before)
  expect(await verifyLedger(sql)).toEqual([])
  await sql`select set_credit_limit(2, 0), thaw_user(4)`
  expect(await verifyLedger(sql)).toEqual([])
})

test.each([`user_controls set reason = 'x'`, `user_details set metadata = '{}'`])(
  'nobody may update %s any more',
  async (change) => {
    expect(await codeOf(sql.unsafe(`update ${change}`))).toBe('LGIMM')
  },
)

test('an edit of a row from before is found', async () => {
  await tamper(
    sql,
    `update user_controls set reason = 'für heute' where user_id = 2 and number = 1`,
    `update user_details set metadata = '{"m": 2}' where user_id = 3`,
  )
  expect(await verifyLedger(sql)).toEqual(['control_differs 2/-', 'details_invalid 3/-'])
  await tamper(
    sql,
    `update user_controls set reason = 'für immer' where user_id = 2 and number = 1`,
    `update user_details set metadata = '{"m": 1}' where user_id = 3`,
  )
})

test('the way back is refused while an anchor covers what it would drop, and else is exact', async () => {
  await sql`insert into ledger.anchors (key, number, at, line)
    values ('', 1, now(), '{"version":3,"ledger":""}')`
  await expect(runDbmate(url, 'rollback', folders[1])).rejects.toThrow(/rows that this would drop/)
  expect(await verifyLedger(sql)).toEqual([])
  await tamper(sql, 'delete from ledger.anchors')
  const before = [...await sql.unsafe(ROWS)]
  await runDbmate(url, 'rollback', folders[1])
  expect([...await sql.unsafe(ROWS)]).toEqual(before)
  expect(await verifyLedger(sql)).toEqual([])
  await migrate(url, () => {}, folders[1])
  expect(await verifyLedger(sql)).toEqual([])
})

test('manual entries that were erased before count as entered, and others have to prove it', async () => {
  await migrate(url)
  expect(await sql`select from erasures where user_id = 4 order by number`).toHaveLength(2)
  expect(await verifyLedger(sql)).toEqual([])
  // Of these nothing was written down; the intervention of later ones says that something is.
  await sql`begin`
  await tamper(
    sql,
    `update interventions set before = before || '{"manual_entries": 2}'
    where operation = 'ERASE'`,
  )
  expect((await verifyLedger(sql)).filter((found) => found.startsWith('manual'))).toHaveLength(2)
  await sql`rollback`
})
