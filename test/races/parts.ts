/**
 * Scenarios about holds and entries that are taken in parts, run as those of `interleavings.ts`.
 */
import type postgres from 'postgres'
import { ageHolds } from '../support/holds.ts'
import { blocks, codeOf, createUser, historyOf, one, pidOf, start } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import { postAll } from '../support/post.ts'
import { verifyUser } from '../support/tampering.ts'
import type { Scenario } from './scenario.ts'

const capture = (
  sql: postgres.Sql,
  id: number,
  hold: number,
  amount: number | null,
  final: boolean,
  key: string | null = null,
) =>
  sql`select available
        from capture_hold(${id}, ${hold}, ${amount}::numeric, ${key}, null, ${final})`
const reverse = (
  sql: postgres.Sql,
  id: number,
  seq: number,
  amount: number | null,
  key: string | null = null,
) => sql`select balance from reverse_entry(${id}, ${seq}, ${key}, null, ${amount}::numeric)`
const extend = (sql: postgres.Sql, id: number, hold: number, seconds: number | null) =>
  sql`select extend_hold(${id}, ${hold}, ${seconds}::numeric)`

export const PARTS: Record<string, Scenario> = {
  async 'a hold captured in parts'({ sql, connect, expectEqual }) {
    const id = await createUser(sql, 10)
    await sql`select place_hold(${id}, 6)`
    const { available } = await one(capture(sql, id, 1, 2, false, 'k'))
    expectEqual('available', available, '4.00')
    expectEqual('a debit of it', await codeOf(sql`select debit_user(${id}, 4.01)`), 'LGFND')
    expectEqual('a repeat', await codeOf(capture(sql, id, 1, 2, false, 'k')), 'ok')
    expectEqual('as the last', await codeOf(capture(sql, id, 1, 2, true, 'k')), 'LGKEY')
    expectEqual('of another part', await codeOf(capture(sql, id, 1, 3, false, 'k')), 'LGKEY')
    expectEqual('of all', await codeOf(capture(sql, id, 1, null, false, 'k')), 'LGKEY')
    expectEqual('too much', await codeOf(capture(sql, id, 1, 4.01, false)), 'LGAMT')
    const [first, second] = [connect(), connect()]
    const pid = await pidOf(second)
    await first`begin`
    expectEqual('the first', await codeOf(capture(first, id, 1, 3, false)), 'ok')
    const other = start(codeOf(capture(second, id, 1, 3, false)))
    expectEqual('the second waits', await blocks(sql, pid, other), true)
    await first`commit`
    expectEqual('the second', await other, 'LGAMT')
    expectEqual('the last of it', await codeOf(capture(sql, id, 1, null, false)), 'ok')
    expectEqual('more', await codeOf(capture(sql, id, 1, null, true)), 'LGHLD')
    await sql`select place_hold(${id}, 3)`
    const { said } = await postAll(sql, [
      { op: 'CAPTURE PART', user: id, ref: 2, amount: 1 },
      { op: 'CAPTURE', user: id, ref: 2, amount: 1 },
      { op: 'CAPTURE', user: id, ref: 2 },
      { op: 'DEBIT', user: id, amount: 2 },
    ])
    expectEqual('in a batch', said.flat(), [
      '5 DEBIT 1.00 3.00 1.00 false',
      '6 DEBIT 1.00 2.00 2.00 false',
      'LGHLD',
      '7 DEBIT 2.00 0.00 0.00 false',
    ])
    const poor = await createUser(sql, 10)
    await sql`select place_hold(${poor}, 6)`
    await sql`insert into payment_history (user_id, action, amount) values (${poor}, 'DEBIT', 7)`
    await sql`select recalculate_balance(${poor})`
    expectEqual('without funds', await codeOf(capture(sql, poor, 1, null, true)), 'LGFND')
    expectEqual('findings', await findingsOf(sql, id), [])
    expectEqual('verified', await verifyUser(sql, id), [])
  },

  async 'two holds of which one is covered'({ sql, connect, expectEqual }) {
    const id = await createUser(sql, 10)
    const [first, second] = [connect(), connect()]
    const pid = await pidOf(second)
    await first`begin`
    expectEqual('the first', await codeOf(first`select place_hold(${id}, 6)`), 'ok')
    const other = start(codeOf(second`select place_hold(${id}, 6)`))
    expectEqual('the second waits', await blocks(sql, pid, other), true)
    await first`commit`
    expectEqual('the second', await other, 'LGFND')
    expectEqual('what is left', await codeOf(sql`select place_hold(${id}, 4)`), 'ok')
    expectEqual('verified', await verifyUser(sql, id), [])
  },

  async 'an entry reversed in parts'({ sql, connect, expectEqual }) {
    const [id, other] = [await createUser(sql, 10), await createUser(sql)]
    await sql`select transfer(${id}, ${other}, 6)`
    expectEqual('a part', await codeOf(reverse(sql, id, 2, 2, 'k')), 'ok')
    expectEqual('a repeat', await codeOf(reverse(sql, id, 2, 2, 'k')), 'ok')
    expectEqual('of another part', await codeOf(reverse(sql, id, 2, 1, 'k')), 'LGKEY')
    expectEqual('of all', await codeOf(reverse(sql, id, 2, null, 'k')), 'LGKEY')
    expectEqual('too much', await codeOf(reverse(sql, other, 1, 4.01)), 'LGAMT')
    const [first, second] = [connect(), connect()]
    const pid = await pidOf(second)
    await first`begin`
    expectEqual('the first', await codeOf(reverse(first, id, 2, 3)), 'ok')
    const waiting = start(codeOf(reverse(second, other, 1, 3)))
    expectEqual('the second waits', await blocks(sql, pid, waiting), true)
    await first`commit`
    expectEqual('the second', await waiting, 'LGAMT')
    expectEqual('the rest', await codeOf(reverse(sql, other, 1, null)), 'ok')
    expectEqual('more', await codeOf(reverse(sql, id, 2, null)), 'LGREV')
    expectEqual('history', await historyOf(sql, id), [
      '+10.00=10.00',
      '-6.00=4.00',
      '+2.00=6.00',
      '+3.00=9.00',
      '+1.00=10.00',
    ])
    await sql`select debit_user(${id}, 9)`
    await first`begin`
    expectEqual('of a debit', await codeOf(reverse(first, id, 6, 5)), 'ok')
    const again = start(codeOf(reverse(second, id, 6, 5)))
    expectEqual('again waits', await blocks(sql, pid, again), true)
    await first`commit`
    expectEqual('again', await again, 'LGAMT')
    expectEqual('of a credit that was spent', await codeOf(reverse(sql, id, 1, null)), 'LGFND')
    expectEqual('findings', await findingsOf(sql, id), [])
    expectEqual('verified', await verifyUser(sql, id), [])
  },

  async 'a hold that is extended'({ sql, expectEqual }) {
    const id = await createUser(sql, 10)
    await sql`select place_hold(${id}, 6, 60), place_hold(${id}, 1, 60), place_hold(${id}, 1)`
    expectEqual('to an earlier time', await codeOf(extend(sql, id, 1, 30)), 'LGEXP')
    expectEqual('from never', await codeOf(extend(sql, id, 3, 90)), 'LGEXP')
    expectEqual('to a later time', await codeOf(extend(sql, id, 1, 3 * 86_400)), 'ok')
    await ageHolds(sql, id)
    expectEqual('what is over', await codeOf(extend(sql, id, 2, 90)), 'LGHLD')
    expectEqual('a debit of it', await codeOf(sql`select debit_user(${id}, 4)`), 'LGFND')
    expectEqual('its capture', await codeOf(capture(sql, id, 1, null, true)), 'ok')
    expectEqual('once more', await codeOf(extend(sql, id, 1, null)), 'LGHLD')
    expectEqual('verified', await verifyUser(sql, id), [])
  },
}
