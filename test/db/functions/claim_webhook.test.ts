import { expect, test } from 'vitest'
import { one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

const claim = (receiver: string, holder: string, start = 0) =>
  one(ledger.sql`select * from ledger.claim_webhook(${receiver}, ${holder}, 60000, ${start})`)

test('claim_webhook() gives a receiver to one holder, from where it begins', async () => {
  const mine = { is_held: true, position: '7', gone: null, cursor: null }
  expect(await claim('one', 'a', 7)).toEqual(mine)
  expect(await claim('one', 'b', 9)).toEqual({ ...mine, is_held: false, position: null })
  expect(await claim('one', 'a', 9)).toEqual(mine)
  expect(await claim('another', 'b', 9)).toMatchObject({ is_held: true, position: '9' })
})

test.each([['over', '-1 s'], ['from before the clock was set back', '1 h']])(
  'claim_webhook() takes over a claim that is %s',
  async (what, until) => {
    await claim(what, 'a', 7)
    await ledger.sql`update ledger.webhooks set held_until = clock_timestamp() + ${until}::interval
      where receiver = ${what}`
    expect(await claim(what, 'b')).toMatchObject({ is_held: true, position: '7' })
    expect(await claim(what, 'a')).toMatchObject({ is_held: false })
  },
)
