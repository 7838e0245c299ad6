import { expect, test } from 'vitest'
import { one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('ledger_id() is what the database was born with, whoever asks', async () => {
  const service = ledger.connect('ledger_service')
  const id = await one(ledger.sql`select i.id from ledger.identity i`)
  expect(await one(service`select ledger.ledger_id() as id`)).toEqual(id)
  expect(await one(ledger.sql`select ledger.ledger_id() as id`)).toEqual(id)
})
