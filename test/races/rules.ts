/** Scenarios about rules that hold without a race, too. */
import type postgres from 'postgres'
import { blocks, codeOf, createUser, historyOf, one, pidOf, start } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import { sealCredit } from '../support/sealing.ts'
import { tamper } from '../support/tampering.ts'
import { batch, debit, insert, type Scenario } from './scenario.ts'

export const RULES: Record<string, Scenario> = {
  /** Who asks for a moment waits for whoever may still post before it. */
  async 'a moment that is not final yet'({ sql, connect, expectEqual }) {
    const id = await createUser(sql, 10)
    const [holder, reader] = [connect(), connect()]
    const pid = await pidOf(reader)
    await holder`begin`
    await debit(holder, id, 4)
    const [{ at } = { at: '' }] = await sql<{ at: string }[]>`select clock_timestamp()::text as at`
    const asked = start(
      Promise.resolve(reader`select balance_at(${id}, ${at}::timestamptz) as balance`)
        .then(([row]) => row!['balance'] as string),
    )
    expectEqual('the reader waits', await blocks(sql, pid, asked), true)
    await holder`commit`
    expectEqual('the balance', await asked, '6.00')
    const { first } = await one(reader<{ first: string }[]>`
      select min(sealed_at) as first from payment_history where user_id = ${id}`)
    const [before] = await reader`select balance_at(${id}, ${first}::timestamptz) as balance`
    expectEqual('before', before!['balance'], '10.00')
  },

  async 'keys'({ sql, connect, expectEqual }) {
    const [id, other] = [await createUser(sql, 100), await createUser(sql, 100)]
    const results = async (rows: PromiseLike<postgres.Row[]>) =>
      (await rows).map((row) => `${row['status'] ?? 'ok'} ${row['seq']} ${row['replayed']}`)
    const keys = ['a', null, null, 'a', 'b', null]
    expectEqual(
      'a batch',
      await results(batch(sql, keys.map(() => id), keys.map(() => 1), keys)),
      ['ok 2 false', 'ok 3 false', 'ok 4 false', 'ok 2 true', 'ok 5 false', 'ok 6 false'],
    )
    expectEqual('a repeat', await results(debit(sql, id, 1, 'b')), ['ok 5 true'])
    expectEqual('of another amount', await codeOf(debit(sql, id, 2, 'b')), 'LGKEY')
    const noted = (text: string) =>
      sql`select * from debit_user(${id}, 1, 'b', ${text}::text::jsonb)`
    expectEqual('with other metadata', await codeOf(noted('{"a":1}')), 'LGKEY')
    expectEqual('of another user', await results(debit(sql, other, 1, 'b')), ['ok 2 false'])
    expectEqual('in one batch', await results(batch(sql, [id, id], [1, 2], ['c', 'c'])), [
      'ok 7 false',
      'LGKEY null false',
    ])
    expectEqual(
      'of two users',
      await results(batch(sql, [id, other, id], [1, 1, 1], ['x', 'x', 'x'])),
      [
        'ok 8 false',
        'ok 3 false',
        'ok 8 true',
      ],
    )
    expectEqual('later', await results(batch(sql, [other], [1], ['c'])), ['ok 4 false'])
    expectEqual('malformed', await codeOf(debit(sql, id, 1, 'a b')), '22023')
    expectEqual('refused', await codeOf(debit(sql, id, 1000, 'd')), 'LGFND')
    expectEqual('then free', await results(debit(sql, id, 1, 'd')), ['ok 9 false'])
    const [first, second] = [connect(), connect()]
    const pid = await pidOf(second)
    await first`begin`
    await debit(first, id, 1, 'e')
    const repeated = start(results(debit(second, id, 1, 'e')))
    await blocks(sql, pid, repeated)
    await first`commit`
    expectEqual('at once', await repeated.catch((error) => error.code), ['ok 10 true'])
  },

  async 'a repeat when nothing is left'({ sql, expectEqual }) {
    const id = await createUser(sql, 10)
    const [first] = await debit(sql, id, 10, 'a')
    const [second] = await debit(sql, id, 10, 'a')
    expectEqual('the repeat', second, { ...first, replayed: true })
  },

  async 'a clock that goes back'({ sql, expectEqual }) {
    const id = await createUser(sql)
    await sealCredit(sql, id, { amount: '10', later: '1 h' })
    await insert(sql, id, 1)
    await debit(sql, id, 1)
    await batch(sql, [id, id], [1, 1])
    await sql`select transfer(${await createUser(sql, 1)}, ${id}, 1)`
    const late = await sql`
      select from payment_history h join payment_history b using (user_id)
       where h.user_id = ${id} and h.seq = b.seq + 1 and h.sealed_at <= b.sealed_at`
    expectEqual('entries not later than the one before', late.length, 0)
    const [last] = await sql`
      select ts = sealed_at as same from payment_history where user_id = ${id} and seq = 5`
    expectEqual('ts', last!['same'], true)
  },

  async 'amounts'({ sql, expectEqual }) {
    const id = await createUser(sql, 100)
    const bad = ['0', '-1', '0.001', '0.005', 'NaN', 'Infinity', '-Infinity', '1e10', 'null']
    for (const amount of bad) {
      const call = sql.unsafe(`select debit_user(${id}, '${amount}')`.replace(`'null'`, 'null'))
      expectEqual(amount, await codeOf(call), 'LGAMT')
    }
    const rows = await batch(sql, bad.map(() => id), bad)
    expectEqual('in a batch', rows.map(({ status }) => status), bad.map(() => 'LGAMT'))
    expectEqual('more than there is', await codeOf(debit(sql, id, '100.01')), 'LGFND')
    expectEqual('all there is', await codeOf(debit(sql, id, 100)), 'ok')
    expectEqual('history', await historyOf(sql, id), ['+100.00=100.00', '-100.00=0.00'])
  },

  async 'a balance at its bound'({ sql, expectEqual }) {
    const [id, other] = [await createUser(sql), await createUser(sql)]
    const credits = (await sql`
      select status from ledger.post('{CREDIT,CREDIT,CREDIT}',
        ${`{${id},${id},${other}}`}::bigint[], '{1,1,1}')`)
      .map(({ status }) => status)
    expectEqual('far from it', credits, ['ok', 'ok', 'ok'])
    await sealCredit(sql, id, { balance: '999999999999999999.99' })
    const more = await sql`
      select status from ledger.post('{CREDIT,CREDIT}', ${`{${id},${other}}`}::bigint[],
        '{0.01,1}')`
    expectEqual('beyond it, alone', await codeOf(sql`select credit_user(${id}, 0.01)`), 'LGRNG')
    expectEqual('beyond it', more.map(({ status }) => status), ['LGRNG', 'ok'])
    await insert(sql, id, 1)
    expectEqual('manual', await codeOf(debit(sql, id, 1)), 'LGRNG')
    expectEqual('of others', await codeOf(debit(sql, other, 1)), 'ok')
    // It isn't the sum, so that nothing else may find it.
    await tamper(sql, `delete from payment_history where user_id = ${id}`)
    await sql`select recalculate_balance(${id})`
  },

  async 'a copy that was edited'({ sql, expectEqual }) {
    const id = await createUser(sql, 10)
    await sql`update users set balance = 1000, seq = 50 where id = ${id}`
    expectEqual('a debit', await codeOf(debit(sql, id, 11)), 'LGFND')
    const [read] = await sql`select balance, seq from ledger.get_users(array[${id}::bigint])`
    expectEqual('a reading', read, { balance: '10.00', seq: '1' })
    await sql`select recalculate_balance(${id})`
    expectEqual('findings', await findingsOf(sql, id), [])
    await sql`update users set balance = 0, seq = 0 where id = ${id}`
    expectEqual('a covered debit', await codeOf(debit(sql, id, 10)), 'ok')
  },

  async 'posting without a seq'({ sql, expectEqual }) {
    const id = await createUser(sql)
    await insert(sql, id, 1)
    for (const change of ['seq = null', 'id = id', 'amount = amount']) {
      const update = sql.unsafe(`update payment_history set ${change} where user_id = ${id}`)
      expectEqual(change, await codeOf(update), 'LGIMM')
    }
    await sql`select recalculate_balance(${id})`
  },

  async 'changing history'({ sql, expectEqual }) {
    const id = await createUser(sql, 10)
    await insert(sql, id, 1)
    const posting = "seq = 2, balance = 11, sealed_at = now(), held = 0, hash = ''"
    for (
      const change of [
        `update payment_history set balance = 5 where seq = 1`,
        `update payment_history set amount = 5 where seq is null`,
        `update payment_history set ${posting}, amount = 5 where seq is null`,
        `update payment_history set ${posting}, user_id = 1 where seq is null`,
        `delete from payment_history`,
        `truncate payment_history`,
      ]
    ) {
      await sql`begin`
      await sql`set local session_replication_role = replica`
      expectEqual(change, await codeOf(sql.unsafe(change)), 'LGIMM')
      await sql`rollback`
    }
    await sql`select recalculate_balance(${id})`
  },
}
