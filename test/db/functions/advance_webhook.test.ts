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
  expect(await claim('a')).toEqual({ is_held: true, position: '5', gone: 'there' })
  expect(await advance('a', 6, 0)).toBe(true)
  expect(await claim('b')).toEqual({ is_held: true, position: '6', gone: null })
  expect(await advance('a', 7)).toBe(false)
})
