/** Scenarios about what is held. */
import { ageHolds } from '../support/holds.ts'
import { codeOf, createUser, historyOf } from '../support/ledger.ts'
import { batch, debit, type Scenario } from './scenario.ts'

export const HOLDS: Record<string, Scenario> = {
  /** What is held counts until the hold is closed or expires, for everybody who takes. */
  async 'what holds leave for others'({ sql, expectEqual }) {
    const [id, other] = [await createUser(sql, 10), await createUser(sql)]
    const hold = (amount: number) => sql`select place_hold(${id}, ${amount}, 60)`
    const capture = (n: number, amount: number | null = null) =>
      sql`select capture_hold(${id}, ${n}, ${amount}::numeric)`
    const release = (n: number) => sql`select release_hold(${id}, ${n})`
    const transfer = (amount: number) => sql`select transfer(${id}, ${other}, ${amount})`
    expectEqual('a hold', await codeOf(hold(4)), 'ok')
    expectEqual('a debit of it', await codeOf(debit(sql, id, 7)), 'LGFND')
    expectEqual('in a batch', (await batch(sql, [id], [7])).map(({ status }) => status), ['LGFND'])
    expectEqual('a transfer of it', await codeOf(transfer(7)), 'LGFND')
    expectEqual('a hold of it', await codeOf(hold(7)), 'LGFND')
    expectEqual('more than it has', await codeOf(capture(1, 5)), 'LGAMT')
    expectEqual('a part of it', await codeOf(capture(1, 3)), 'ok')
    expectEqual('once more', await codeOf(capture(1, 1)), 'LGHLD')
    expectEqual('the rest is free', await codeOf(hold(7)), 'ok')
    expectEqual('its release', await codeOf(release(2)), 'ok')
    expectEqual('another', await codeOf(release(2)), 'LGHLD')
    expectEqual('a third', await codeOf(hold(7)), 'ok')
    await ageHolds(sql, id)
    expectEqual('its late capture', await codeOf(capture(3)), 'LGHLD')
    expectEqual('its late release', await codeOf(release(3)), 'LGHLD')
    expectEqual('a debit of it', await codeOf(debit(sql, id, 1)), 'ok')
    expectEqual('all is free', await codeOf(transfer(6)), 'ok')
    expectEqual('history', await historyOf(sql, id), [
      '+10.00=10.00',
      '-3.00=7.00',
      '-1.00=6.00',
      '-6.00=0.00',
    ])
    expectEqual('a small one', await codeOf(sql`select place_hold(${other}, 2, 60)`), 'ok')
    await ageHolds(sql, other)
    expectEqual('beside it', await codeOf(debit(sql, other, 1)), 'ok')
    const [last] = await sql`
      select held from payment_history where user_id = ${other} order by seq desc limit 1`
    expectEqual('held then', last!['held'], '0.00')
  },
}
