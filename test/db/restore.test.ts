/**
 * The rows of a ledger alone, restored into a database that is new, as docs/how-to/restore.md says.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dumpRows, restoreRows } from '../support/copied_rows.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { connectTo, stateOf, useLedger } from '../support/ledger.ts'
import { psqlIsMissing } from '../support/psql.ts'
import { verifyLedger } from '../support/tampering.ts'

const ledger = useLedger()
let restored: TestDatabase
let folder: string

beforeAll(async () => {
  restored = await createDatabase()
  folder = await mkdtemp(join(tmpdir(), 'ledger-restore-'))
})
afterAll(async () => {
  await restored.drop()
  await rm(folder, { recursive: true })
})

test.skipIf(psqlIsMissing)('rows alone go into what migrate made, and verify there', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select create_user(1)`
  await sql`select transfer(${id}, 1, 3), place_hold(${id}, 1)`
  await sql`insert into payment_history (user_id, action, amount) values (1, 'CREDIT', 8)`
  const state = await stateOf(sql, id)

  await dumpRows(ledger.url, folder)
  const lines = await restoreRows(restored.url, folder)
  expect(lines).toEqual(lines.filter((line) => line.startsWith('Moved ')))
  const target = connectTo(restored.url)
  expect(await stateOf(target, id)).toEqual(state)
  expect(await verifyLedger(target)).toEqual([])
  await target`select recalculate_balance(1), create_user()`
  expect(await verifyLedger(target)).toEqual([])
  await target.end()
})
