import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeSchema } from '../../db/print_schema.ts'
import { useLedger } from '../support/ledger.ts'

const ledger = useLedger()

test('db/schema.sql is what the migrations make; npm run db:schema writes it anew', async () => {
  expect(await describeSchema(ledger.sql)).toBe(readFileSync('db/schema.sql', 'utf8'))
})

test.each([
  'alter table users add column note text',
  'create index on users (created_at)',
  'alter table payment_history disable trigger guard_row',
  `comment on function debit_user is 'something else'`,
  'grant execute on function break_glass to ledger_service',
  'alter function ledger.post stable',
  'alter type ledger.finding add attribute more text',
])('%s shows in it', async (statement) => {
  const before = await describeSchema(ledger.sql)
  await ledger.sql.unsafe(statement)
  expect(await describeSchema(ledger.sql)).not.toBe(before)
})
