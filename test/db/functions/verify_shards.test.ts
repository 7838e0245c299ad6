import { expect, test } from 'vitest'
import { codeOf, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('verify_shards() finds is_distributed() where it is not so, and batches refuse', async () => {
  const sql = ledger.connect()
  const found = () => sql`select finding from ledger.verify_guards()`
  expect(Array.from(await found())).toEqual([])
  await sql`
    create or replace function ledger.is_distributed() returns boolean
      language sql immutable parallel safe as $$ select true $$`
  expect(Array.from(await found())).toEqual([{ finding: 'guard_missing' }])
  expect(await codeOf(sql`select debit_users(array[1], array[1])`)).toBe('0A000')
})
