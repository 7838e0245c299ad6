/** Scenarios about two who want the same users. */
import {
  blocks,
  codeOf,
  createUser,
  historyOf,
  pidOf,
  start,
  untilBlocked,
} from '../support/ledger.ts'
import { batch, debit, insert, type Scenario } from './scenario.ts'

export const LOCKS: Record<string, Scenario> = {
  /** The second waits for the first, and must see what the first has left. */
  async 'two debits of which one is covered'({ sql, connect, expectEqual }) {
    for (const level of ['read committed', 'repeatable read', 'serializable']) {
      const id = await createUser(sql, 100)
      const [first, second] = [connect(), connect()]
      const pid = await pidOf(second)
      await first.unsafe(`begin isolation level ${level}`)
      await second.unsafe(`begin isolation level ${level}`)
      for (const caller of [first, second]) await caller`select from users where id = ${id}`
      expectEqual('the first', await codeOf(debit(first, id, 100)), 'ok')
      const other = start(codeOf(debit(second, id, 100)))
      await blocks(sql, pid, other)
      await first`commit`
      expectEqual('the second', await other, level === 'read committed' ? 'LGFND' : '40001')
      await second`commit`
      expectEqual('history', await historyOf(sql, id), ['+100.00=100.00', '-100.00=0.00'])
    }
  },

  async 'two transfers of which one is covered'({ sql, connect, expectEqual }) {
    const [from, to] = [await createUser(sql, 100), await createUser(sql)]
    const [first, second] = [connect(), connect()]
    const pid = await pidOf(second)
    await first`begin`
    await first`select transfer(${from}, ${to}, 100)`
    const other = start(codeOf(second`select transfer(${from}, ${to}, 100)`))
    await blocks(sql, pid, other)
    await first`commit`
    expectEqual('the second', await other, 'LGFND')
    expectEqual('history', await historyOf(sql, from), ['+100.00=100.00', '-100.00=0.00'])
  },

  async 'two debits that are both covered'({ sql, connect, expectEqual }) {
    const id = await createUser(sql, 100)
    const [first, second] = [connect(), connect()]
    const pid = await pidOf(second)
    await first`begin`
    await debit(first, id, 40)
    const other = start(codeOf(debit(second, id, 60)))
    await blocks(sql, pid, other)
    await first`commit`
    expectEqual('the second', await other, 'ok')
    expectEqual('history', await historyOf(sql, id), [
      '+100.00=100.00',
      '-40.00=60.00',
      '-60.00=0.00',
    ])
  },

  async 'users locked in opposite orders'({ sql, connect, expectEqual }) {
    const [low, high] = [await createUser(sql, 10), await createUser(sql, 10)]
    const [holder, waiting] = [connect(), connect()]
    const pid = await pidOf(waiting)
    await holder`set lock_timeout = '1s'`
    const works: Record<string, () => PromiseLike<unknown>> = {
      'a batch': () =>
        waiting`select ledger.post('{DEBIT,DEBIT}', ${`{${high},${low}}`}::bigint[], '{1,1}',
          wait => true)`,
      'a transfer': () => waiting`select transfer(${high}, ${low}, 1)`,
    }
    for (const [name, work] of Object.entries(works)) {
      await holder`begin`
      await debit(holder, low, 1)
      const both = start(codeOf(work()))
      await untilBlocked(sql, pid)
      expectEqual(`the other user during ${name}`, await codeOf(debit(holder, high, 1)), 'ok')
      await holder.unsafe('commit')
      expectEqual(name, await both, 'ok')
    }
  },

  async 'a batch with a user whom somebody holds'({ sql, connect, expectEqual }) {
    const [held, free] = [await createUser(sql, 10), await createUser(sql, 10)]
    const [holder, caller] = [connect(), connect()]
    const pid = await pidOf(caller)
    await holder`begin`
    await debit(holder, held, 1)
    const rows = start(batch(caller, [held, free], [1, 1]))
    expectEqual('the batch waits', await blocks(sql, pid, rows), false)
    await holder`rollback`
    expectEqual('statuses', (await rows).map(({ status }) => status), ['55P03', 'ok'])
  },

  /** The receiver, too, is locked before it is read. */
  async 'a transfer to a user whom somebody holds'({ sql, connect, expectEqual }) {
    const [from, to] = [await createUser(sql, 10), await createUser(sql, 5)]
    await insert(sql, to, 2)
    const [holder, caller] = [connect(), connect()]
    const pid = await pidOf(caller)
    await holder`begin`
    await debit(holder, to, 1)
    const moved = start(codeOf(caller`select transfer(${from}, ${to}, 4)`))
    expectEqual('the transfer waits', await blocks(sql, pid, moved), true)
    await holder`commit`
    expectEqual('the transfer', await moved, 'ok')
    expectEqual('sender', await historyOf(sql, from), ['+10.00=10.00', '-4.00=6.00'])
    expectEqual('receiver', await historyOf(sql, to), [
      '+5.00=5.00',
      '+2.00=7.00',
      '-1.00=6.00',
      '+4.00=10.00',
    ])
    expectEqual('to nobody', await codeOf(caller`select transfer(${from}, 999999, 1)`), 'LGUSR')
  },

  async 'an entry that two take back'({ sql, connect, expectEqual }) {
    const [id, other] = [await createUser(sql, 10), await createUser(sql)]
    await sql`select transfer(${id}, ${other}, 4)`
    const [first, second] = [connect(), connect()]
    const pid = await pidOf(second)
    await first`begin`
    expectEqual('the first', await codeOf(first`select reverse_entry(${id}, 2)`), 'ok')
    const repeated = start(codeOf(second`select reverse_entry(${other}, 1)`))
    expectEqual('the second waits', await blocks(sql, pid, repeated), true)
    await first`commit`
    expectEqual('the second', await repeated, 'LGREV')
    expectEqual('sender', await historyOf(sql, id), ['+10.00=10.00', '-4.00=6.00', '+4.00=10.00'])
    expectEqual('receiver', await historyOf(sql, other), ['+4.00=4.00', '-4.00=0.00'])
  },
}
