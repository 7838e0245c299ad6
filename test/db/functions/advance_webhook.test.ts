import { expect, test } from 'vitest'
import { one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

const claim = (holder: string) =>
  one(ledger.sql`select * from ledger.claim_webhook('one', ${holder}, 60000, 0)`)
const advance = async (holder: string, delivered: number, holdMs = 60_000, gone?: string) =>
  (await one(ledger.sql`select ledger.advance_webhook('one', ${holder}, ${holdMs}, ${delivered},
    ${gone ?? null}) as done`))['done'] as boolean

test('advance_webhook() keeps how far a receiver is, for its holder alone, and never less', async () => {
  await claim('a')
  expect(await advance('a', 5)).toBe(true)
  expect(await advance('b', 9)).toBe(false)
  expect(await advance('a', 4, 60_000, 'there')).toBe(true)
  expect(await claim('a')).toMatchObject({ is_held: true, position: '5', gone: 'there' })
  expect(await advance('a', 6, 0)).toBe(true)
  expect(await claim('b')).toMatchObject({ is_held: true, position: '6', gone: null })
  expect(await advance('a', 7)).toBe(false)
})

test('a cursor is kept as it was written last, and from where a receiver begins', async () => {
  const { sql } = ledger
  const claimTwo = () =>
    one(sql`select cursor from ledger.claim_webhook('two', 'a', 60000, 0, 'the first')`)
  expect(await claimTwo()).toEqual({ cursor: 'the first' })
  await sql`select ledger.advance_webhook('two', 'a', 60000, 0, null, 'another')`
  await sql`select ledger.advance_webhook('two', 'a', 60000, 0)`
  await sql`select ledger.advance_webhook('two', 'b', 60000, 0, null, 'of somebody else')`
  expect(await claimTwo()).toEqual({ cursor: 'another' })
})
