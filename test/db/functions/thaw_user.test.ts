import { expect, test } from 'vitest'
import { codeOf, one, useLedger } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'

const ledger = useLedger()

test('thaw_user() lets a frozen user spend again, and keeps what was', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select freeze_user(${id}, 'why')`
  expect(await one(sql`select frozen_at, changed from thaw_user(${id}, 'sorry')`))
    .toEqual({ frozen_at: null, changed: true })
  expect(await one(sql`select balance from debit_user(${id}, 4)`)).toEqual({ balance: '6.00' })
  expect(await one(sql`select changed from thaw_user(${id})`)).toEqual({ changed: false })
  const kept = await sql`select number, operation, reason from ledger.list_controls(${id})`
  expect(kept).toEqual([
    { number: '2', operation: 'THAW', reason: 'sorry' },
    { number: '1', operation: 'FREEZE', reason: 'why' },
  ])
  expect(await findingsOf(sql, id)).toEqual([])
})

test('thaw_user() raises LGUSR for nobody', async () => {
  expect(await codeOf(ledger.sql`select thaw_user(999999)`)).toBe('LGUSR')
})
