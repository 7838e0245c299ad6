import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { connectTo, stateOf, useLedger } from '../support/ledger.ts'
import { psqlIsMissing } from '../support/psql.ts'
import { restoreRows } from '../support/restore_rows.ts'
import { verifyLedger } from '../support/tampering.ts'

const ledger = useLedger()
let restored: TestDatabase

beforeAll(async () => {
  restored = await createDatabase()
})
afterAll(() => restored.drop())

test.skipIf(psqlIsMissing)('rows alone go into what migrate made, and verify there', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select create_user(1)`
  await sql`select transfer(${id}, 1, 3), place_hold(${id}, 1)`
  await sql`insert into payment_history (user_id, action, amount) values (1, 'CREDIT', 8)`
  const state = await stateOf(sql, id)

  const lines = await restoreRows(ledger.url, restored.url)
  expect(lines).toEqual(lines.filter((line) => line.startsWith('Moved ')))
  const target = connectTo(restored.url)
  expect(await stateOf(target, id)).toEqual(state)
  expect(await verifyLedger(target)).toEqual([])
  await target`select recalculate_balance(1), create_user()`
  expect(await verifyLedger(target)).toEqual([])
  await target.end()
})
