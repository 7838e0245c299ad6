import { expect, test } from 'vitest'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('verify_shards() finds is_distributed() where it is not so', async () => {
  const sql = ledger.connect()
  const found = () => sql`select finding from ledger.verify_guards()`
  expect(Array.from(await found())).toEqual([])
  await sql`
    create or replace function ledger.is_distributed() returns boolean
      language sql immutable parallel safe as $$ select true $$`
  expect(Array.from(await found())).toEqual([{ finding: 'guard_missing' }])
})
