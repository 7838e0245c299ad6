import { expect, test } from 'vitest'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('balances_below() names the entries that took a balance below a threshold', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select debit_user(${id}, 50), debit_user(${id}, 0.01), debit_user(${id}, 9.99)`
  await sql`select credit_user(${id}, 60), debit_user(${id}, 100)`
  const users = `{${Array(6).fill(id).join()}}`
  const rows = await sql`select * from ledger.balances_below(${users}::bigint[], '{1,2,3,4,5,6}',
    '{50,0,40.00,100.01}')`
  expect(rows.map(({ seq, threshold, balance }) => [seq, threshold, balance])).toEqual([
    ['3', '50.00', '49.99'],
    ['6', '50.00', '0.00'],
    ['6', '40.00', '0.00'],
  ])
  expect(await sql`select * from ledger.balances_below('{}', '{}', '{1}')`).toEqual([])
})
