import { expect, test } from 'vitest'
import { useLedger } from '../../support/ledger.ts'
import { verifyLedger } from '../../support/tampering.ts'

const ledger = useLedger()

test.each([
  ['user_references leads to another user', 'update user_references set user_id = 2', [1, 2]],
  ['a reference is gone', 'delete from user_references', [1]],
  ['a reference was invented', `insert into user_references values ('mine', 2)`, [2]],
  ['details were edited', `update user_details set reference = 'mine'`, [1, 1]],
  ['details are gone', 'delete from user_details', [1, 1]],
  ['a key leads to another user', 'update user_keys set user_id = 2', [1, 2]],
  ['a key is gone', 'truncate user_keys', [1]],
])('verify_ledger() finds that %s', async (_, statement, users) => {
  const { sql } = ledger
  const other = await ledger.user()
  const [row] = await sql<{ id: string }[]>`
    select id from create_user(reference => 'alice', idempotency_key => 'k')`
  const id = Number(row!.id)
  const of = (n: number) => n === 1 ? id : other
  expect(await verifyLedger(sql)).toEqual([])
  await sql.unsafe(statement.replaceAll('= 2', `= ${other}`).replace(', 2)', `, ${other})`))
  expect(await verifyLedger(sql)).toEqual(
    users.map((n) => `reference_differs ${of(n)}/-`).sort(),
  )
  await sql`delete from user_references`
  await sql`delete from user_keys`
  await sql`delete from user_details`
})
