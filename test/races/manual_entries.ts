/** Scenarios about manual entries that are open, late, or many. */
import { blocks, codeOf, createUser, historyOf, pidOf, start } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import { debit, insert, type Scenario } from './scenario.ts'

export const MANUAL_ENTRIES: Record<string, Scenario> = {
  /** A row with a low id may become visible after one with a high id was counted. */
  async 'a manual entry that commits late'({ sql, connect, expectEqual }) {
    const id = await createUser(sql)
    const late = connect()
    await late`begin`
    await insert(late, id, 7)
    await insert(sql, id, 2)
    expectEqual('before', await codeOf(debit(sql, id, 3)), 'LGFND')
    expectEqual('covered', await codeOf(debit(sql, id, 1)), 'ok')
    await late`commit`
    expectEqual('after', await codeOf(debit(sql, id, 8)), 'ok')
    expectEqual('history', await historyOf(sql, id), [
      '+2.00=2.00',
      '-1.00=1.00',
      '+7.00=8.00',
      '-8.00=0.00',
    ])
    await late`begin`
    await insert(late, id, 1)
    await sql`select credit_user(${id}, 1)`
    await late`commit`
    await sql`select recalculate_balance(${id})`
    expectEqual('then', (await historyOf(sql, id)).slice(4), ['+1.00=1.00', '+1.00=2.00'])
    expectEqual('copy', await findingsOf(sql, id), [])
  },

  async 'a debit while manual entries are open'({ sql, connect, expectEqual }) {
    const id = await createUser(sql)
    const [first, second] = [connect(), connect()]
    const [firstPid, secondPid] = [await pidOf(first), await pidOf(second)]
    for (const caller of [first, second]) {
      await caller`begin`
      await insert(caller, id, 5)
    }
    const debited = start(codeOf(debit(first, id, 5)))
    expectEqual('the debit waits', await blocks(sql, firstPid, debited), false)
    const inserted = start(codeOf(insert(second, id, 1)))
    expectEqual('the insert waits', await blocks(sql, secondPid, inserted), false)
    const other = start(codeOf(debit(second, id, 6)))
    await blocks(sql, secondPid, other)
    await first.unsafe('commit')
    expectEqual('the first debit', await debited, 'ok')
    expectEqual('the second debit', await other, 'ok')
    await second.unsafe('commit')
  },

  /** It is too late for this debit, and no reason to refuse it. */
  async 'a manual entry that commits while others are posted'({ sql, connect, expectEqual }) {
    const id = await createUser(sql, 10)
    await insert(sql, id, 5)
    const [holder, caller] = [connect(), connect()]
    const pid = await pidOf(caller)
    await holder`begin`
    await holder`select from payment_history where user_id = ${id} and seq is null for update`
    const debited = start(codeOf(debit(caller, id, 15)))
    expectEqual('the debit waits', await blocks(sql, pid, debited), true)
    await insert(sql, id, 1)
    await holder`commit`
    expectEqual('the debit', await debited, 'ok')
    expectEqual('history', await historyOf(sql, id), [
      '+10.00=10.00',
      '+5.00=15.00',
      '-15.00=0.00',
      '+1.00',
    ])
  },

  async 'manual entries in bounded steps'({ sql, expectEqual }) {
    const id = await createUser(sql)
    await sql`
      insert into payment_history (user_id, action, amount, ts)
        select ${id}, 'CREDIT', n, now() - n * interval '1 h' from generate_series(1, 5) n`
    const step = async () =>
      (await sql`select status, user_balance as balance from ledger.post(
        '{DEBIT}', array[${id}::bigint], '{15}', max_pending => 2)`)
        .map(({ status, balance }) => `${status} ${balance}`)
    expectEqual('first', await step(), ['55P03 3.00'])
    expectEqual('second', await step(), ['55P03 10.00'])
    expectEqual('users', await findingsOf(sql, id), [])
    expectEqual('third', await step(), ['ok 0.00'])
    expectEqual('history', await historyOf(sql, id), [
      '+1.00=1.00',
      '+2.00=3.00',
      '+3.00=6.00',
      '+4.00=10.00',
      '+5.00=15.00',
      '-15.00=0.00',
    ])
  },

  async 'a manual debit below zero'({ sql, expectEqual }) {
    const id = await createUser(sql, 10)
    await insert(sql, id, -15)
    expectEqual('a debit', await codeOf(debit(sql, id, '0.01')), 'LGFND')
    await sql`select recalculate_balance(${id})`
    expectEqual('history', await historyOf(sql, id), ['+10.00=10.00', '-15.00=-5.00'])
    expectEqual('a credit', await codeOf(sql`select credit_user(${id}, 5)`), 'ok')
    expectEqual('a debit after it', await codeOf(debit(sql, id, '0.01')), 'LGFND')
  },
}
