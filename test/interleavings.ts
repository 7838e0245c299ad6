/**
 * Races and rules, each played out in one fixed order on one database. Each answers what it found
 * wrong, so that the same can be demanded of the ledger (nothing) and of one that is broken on
 * purpose (something).
 */
import type postgres from 'postgres'
import {
  ageHolds,
  blocks,
  codeOf,
  connectTo,
  createUser,
  findingsOf,
  historyOf,
  pidOf,
  sealCredit,
  start,
  untilBlocked,
} from './ledger.ts'

interface Stage {
  /** As superuser, for whoever isn't part of the race. */
  sql: postgres.Sql
  connect: () => postgres.Sql
  /** Notes what is not as it has to be. */
  demand: (what: string, got: unknown, wanted: unknown) => void
}

type Play = (stage: Stage) => Promise<void>

const insert = (sql: postgres.Sql, id: number, amount: number) =>
  sql`insert into payment_history (user_id, action, amount)
    values (${id}, ${amount < 0 ? 'DEBIT' : 'CREDIT'}, ${Math.abs(amount)})`

const debit = (sql: postgres.Sql, id: number, amount: number | string, key?: string) =>
  sql`select * from debit_user(${id}, ${amount}, ${key ?? null}::text)`

const batch = (sql: postgres.Sql, ids: number[], amounts: unknown[], keys?: (string | null)[]) =>
  sql`select * from debit_users(
    ${`{${ids.join(',')}}`}::bigint[], ${`{${amounts.join(',')}}`}::numeric[],
    ${`{${(keys ?? ids.map(() => null)).map((key) => key ?? 'null').join(',')}}`}::text[])`

export const INTERLEAVINGS: Record<string, Play> = {
  /** The second waits for the first, and must see what the first has left. */
  async 'two debits of which one is covered'({ sql, connect, demand }) {
    for (const level of ['read committed', 'repeatable read', 'serializable']) {
      const id = await createUser(sql, 100)
      const [first, second] = [connect(), connect()]
      const pid = await pidOf(second)
      await first.unsafe(`begin isolation level ${level}`)
      await second.unsafe(`begin isolation level ${level}`)
      for (const caller of [first, second]) await caller`select from users where id = ${id}`
      demand('the first', await codeOf(debit(first, id, 100)), 'ok')
      const other = start(codeOf(debit(second, id, 100)))
      await blocks(sql, pid, other)
      await first`commit`
      demand('the second', await other, level === 'read committed' ? 'LGFND' : '40001')
      await second`commit`
      demand('history', await historyOf(sql, id), ['+100.00=100.00', '-100.00=0.00'])
    }
  },

  async 'two debits that are both covered'({ sql, connect, demand }) {
    const id = await createUser(sql, 100)
    const [first, second] = [connect(), connect()]
    const pid = await pidOf(second)
    await first`begin`
    await debit(first, id, 40)
    const other = start(codeOf(debit(second, id, 60)))
    await blocks(sql, pid, other)
    await first`commit`
    demand('the second', await other, 'ok')
    demand('history', await historyOf(sql, id), ['+100.00=100.00', '-40.00=60.00', '-60.00=0.00'])
  },

  /** A row with a low id may become visible after one with a high id was counted. */
  async 'a hand-made row that commits late'({ sql, connect, demand }) {
    const id = await createUser(sql)
    const late = connect()
    await late`begin`
    await insert(late, id, 7)
    await insert(sql, id, 2)
    demand('before', await codeOf(debit(sql, id, 3)), 'LGFND')
    demand('covered', await codeOf(debit(sql, id, 1)), 'ok')
    await late`commit`
    demand('after', await codeOf(debit(sql, id, 8)), 'ok')
    demand('history', await historyOf(sql, id), [
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
    demand('then', (await historyOf(sql, id)).slice(4), ['+1.00=1.00', '+1.00=2.00'])
    demand('copy', await findingsOf(sql, id), [])
  },

  async 'a debit while hand-made rows are open'({ sql, connect, demand }) {
    const id = await createUser(sql)
    const [first, second] = [connect(), connect()]
    const [firstPid, secondPid] = [await pidOf(first), await pidOf(second)]
    for (const caller of [first, second]) {
      await caller`begin`
      await insert(caller, id, 5)
    }
    const debited = start(codeOf(debit(first, id, 5)))
    demand('the debit waits', await blocks(sql, firstPid, debited), false)
    const inserted = start(codeOf(insert(second, id, 1)))
    demand('the insert waits', await blocks(sql, secondPid, inserted), false)
    const other = start(codeOf(debit(second, id, 6)))
    await blocks(sql, secondPid, other)
    await first.unsafe('commit')
    demand('the first debit', await debited, 'ok')
    demand('the second debit', await other, 'ok')
    await second.unsafe('commit')
  },

  /** It is too late for this debit, and no reason to refuse it. */
  async 'a hand-made row that commits while others are sealed'({ sql, connect, demand }) {
    const id = await createUser(sql, 10)
    await insert(sql, id, 5)
    const [holder, caller] = [connect(), connect()]
    const pid = await pidOf(caller)
    await holder`begin`
    await holder`select from payment_history where user_id = ${id} and seq is null for update`
    const debited = start(codeOf(debit(caller, id, 15)))
    demand('the debit waits', await blocks(sql, pid, debited), true)
    await insert(sql, id, 1)
    await holder`commit`
    demand('the debit', await debited, 'ok')
    demand('history', await historyOf(sql, id), [
      '+10.00=10.00',
      '+5.00=15.00',
      '-15.00=0.00',
      '+1.00',
    ])
  },

  async 'users locked in opposite orders'({ sql, connect, demand }) {
    const [low, high] = [await createUser(sql, 10), await createUser(sql, 10)]
    const [holder, waiting] = [connect(), connect()]
    const pid = await pidOf(waiting)
    await holder`set lock_timeout = '1s'`
    const works: Record<string, () => PromiseLike<unknown>> = {
      'a batch': () =>
        waiting`select post_entries(
          ${`{${high},${low}}`}::bigint[], '{DEBIT,DEBIT}', '{1,1}', wait => true)`,
      'a transfer': () => waiting`select transfer(${high}, ${low}, 1)`,
    }
    for (const [name, work] of Object.entries(works)) {
      await holder`begin`
      await debit(holder, low, 1)
      const both = start(codeOf(work()))
      await untilBlocked(sql, pid)
      demand(`the other user during ${name}`, await codeOf(debit(holder, high, 1)), 'ok')
      await holder.unsafe('commit')
      demand(name, await both, 'ok')
    }
  },

  async 'a batch with a user whom somebody holds'({ sql, connect, demand }) {
    const [held, free] = [await createUser(sql, 10), await createUser(sql, 10)]
    const [holder, caller] = [connect(), connect()]
    const pid = await pidOf(caller)
    await holder`begin`
    await debit(holder, held, 1)
    const rows = start(batch(caller, [held, free], [1, 1]))
    demand('the batch waits', await blocks(sql, pid, rows), false)
    await holder`rollback`
    demand('statuses', (await rows).map(({ status }) => status), ['55P03', 'ok'])
  },

  /** The receiver, too, is locked before it is read. */
  async 'a transfer to a user whom somebody holds'({ sql, connect, demand }) {
    const [from, to] = [await createUser(sql, 10), await createUser(sql, 5)]
    await insert(sql, to, 2)
    const [holder, caller] = [connect(), connect()]
    const pid = await pidOf(caller)
    await holder`begin`
    await debit(holder, to, 1)
    const moved = start(codeOf(caller`select transfer(${from}, ${to}, 4)`))
    demand('the transfer waits', await blocks(sql, pid, moved), true)
    await holder`commit`
    demand('the transfer', await moved, 'ok')
    demand('sender', await historyOf(sql, from), ['+10.00=10.00', '-4.00=6.00'])
    demand('receiver', await historyOf(sql, to), [
      '+5.00=5.00',
      '+2.00=7.00',
      '-1.00=6.00',
      '+4.00=10.00',
    ])
    demand('to nobody', await codeOf(caller`select transfer(${from}, 999999, 1)`), 'LGUSR')
  },

  /** What is held counts until the hold is closed or expires, for everybody who takes. */
  async 'what holds leave for others'({ sql, demand }) {
    const [id, other] = [await createUser(sql, 10), await createUser(sql)]
    const hold = (amount: number) => sql`select place_hold(${id}, ${amount}, 60)`
    const capture = (n: number, amount: number | null = null) =>
      sql`select capture_hold(${id}, ${n}, ${amount}::numeric)`
    const release = (n: number) => sql`select release_hold(${id}, ${n})`
    const transfer = (amount: number) => sql`select transfer(${id}, ${other}, ${amount})`
    demand('a hold', await codeOf(hold(4)), 'ok')
    demand('a debit of it', await codeOf(debit(sql, id, 7)), 'LGFND')
    demand('in a batch', (await batch(sql, [id], [7])).map(({ status }) => status), ['LGFND'])
    demand('a transfer of it', await codeOf(transfer(7)), 'LGFND')
    demand('a hold of it', await codeOf(hold(7)), 'LGFND')
    demand('more than it has', await codeOf(capture(1, 5)), 'LGAMT')
    demand('a part of it', await codeOf(capture(1, 3)), 'ok')
    demand('once more', await codeOf(capture(1, 1)), 'LGHLD')
    demand('the rest is free', await codeOf(hold(7)), 'ok')
    demand('its release', await codeOf(release(2)), 'ok')
    demand('another', await codeOf(release(2)), 'LGHLD')
    demand('a third', await codeOf(hold(7)), 'ok')
    await ageHolds(sql, id)
    demand('its late capture', await codeOf(capture(3)), 'LGHLD')
    demand('its late release', await codeOf(release(3)), 'LGHLD')
    demand('all is free', await codeOf(transfer(7)), 'ok')
    demand('history', await historyOf(sql, id), ['+10.00=10.00', '-3.00=7.00', '-7.00=0.00'])
  },

  async 'an entry that two take back'({ sql, connect, demand }) {
    const [id, other] = [await createUser(sql, 10), await createUser(sql)]
    await sql`select transfer(${id}, ${other}, 4)`
    const [first, second] = [connect(), connect()]
    const pid = await pidOf(second)
    await first`begin`
    demand('the first', await codeOf(first`select reverse_entry(${id}, 2)`), 'ok')
    const repeated = start(codeOf(second`select reverse_entry(${other}, 1)`))
    demand('the second waits', await blocks(sql, pid, repeated), true)
    await first`commit`
    demand('the second', await repeated, 'LGREV')
    demand('sender', await historyOf(sql, id), ['+10.00=10.00', '-4.00=6.00', '+4.00=10.00'])
    demand('receiver', await historyOf(sql, other), ['+4.00=4.00', '-4.00=0.00'])
  },

  async 'keys'({ sql, connect, demand }) {
    const [id, other] = [await createUser(sql, 100), await createUser(sql, 100)]
    const results = async (rows: PromiseLike<postgres.Row[]>) =>
      (await rows).map((row) => `${row['status'] ?? 'ok'} ${row['seq']} ${row['replayed']}`)
    const keys = ['a', null, null, 'a', 'b', null]
    demand(
      'a batch',
      await results(batch(sql, keys.map(() => id), keys.map(() => 1), keys)),
      ['ok 2 false', 'ok 3 false', 'ok 4 false', 'ok 2 true', 'ok 5 false', 'ok 6 false'],
    )
    demand('a repeat', await results(debit(sql, id, 1, 'b')), ['ok 5 true'])
    demand('of another amount', await codeOf(debit(sql, id, 2, 'b')), 'LGKEY')
    demand('of another user', await results(debit(sql, other, 1, 'b')), ['ok 2 false'])
    demand('in one batch', await results(batch(sql, [id, id], [1, 2], ['c', 'c'])), [
      'ok 7 false',
      'LGKEY null false',
    ])
    demand('of two users', await results(batch(sql, [id, other, id], [1, 1, 1], ['x', 'x', 'x'])), [
      'ok 8 false',
      'ok 3 false',
      'ok 8 true',
    ])
    demand('malformed', await codeOf(debit(sql, id, 1, 'a b')), '22023')
    demand('refused', await codeOf(debit(sql, id, 1000, 'd')), 'LGFND')
    demand('then free', await results(debit(sql, id, 1, 'd')), ['ok 9 false'])
    const [first, second] = [connect(), connect()]
    const pid = await pidOf(second)
    await first`begin`
    await debit(first, id, 1, 'e')
    const repeated = start(results(debit(second, id, 1, 'e')))
    await blocks(sql, pid, repeated)
    await first`commit`
    demand('at once', await repeated.catch((error) => error.code), ['ok 10 true'])
  },

  async 'a repeat when nothing is left'({ sql, demand }) {
    const id = await createUser(sql, 10)
    const [first] = await debit(sql, id, 10, 'a')
    const [second] = await debit(sql, id, 10, 'a')
    demand('the repeat', second, { ...first, replayed: true })
  },

  async 'a clock that goes back'({ sql, demand }) {
    const id = await createUser(sql)
    await sealCredit(sql, id, { amount: '10', later: '1 h' })
    await insert(sql, id, 1)
    await debit(sql, id, 1)
    await batch(sql, [id, id], [1, 1])
    const late = await sql`
      select from payment_history h join payment_history b using (user_id)
       where h.user_id = ${id} and h.seq = b.seq + 1 and h.sealed_at < b.sealed_at`
    demand('rows sealed before the one before', late.length, 0)
    const [last] = await sql`
      select ts = sealed_at as same from payment_history where user_id = ${id} and seq = 5`
    demand('ts', last!['same'], true)
  },

  async 'amounts'({ sql, demand }) {
    const id = await createUser(sql, 100)
    const bad = ['0', '-1', '0.001', '0.005', 'NaN', 'Infinity', '-Infinity', '1e10', 'null']
    for (const amount of bad) {
      const call = sql.unsafe(`select debit_user(${id}, '${amount}')`.replace(`'null'`, 'null'))
      demand(amount, await codeOf(call), 'LGAMT')
    }
    const rows = await batch(sql, bad.map(() => id), bad)
    demand('in a batch', rows.map(({ status }) => status), bad.map(() => 'LGAMT'))
    demand('more than there is', await codeOf(debit(sql, id, '100.01')), 'LGFND')
    demand('all there is', await codeOf(debit(sql, id, 100)), 'ok')
    demand('history', await historyOf(sql, id), ['+100.00=100.00', '-100.00=0.00'])
  },

  async 'a balance at its bound'({ sql, demand }) {
    const [id, other] = [await createUser(sql), await createUser(sql)]
    const credits = (await sql`
      select status from post_entries(
        ${`{${id},${id},${other}}`}::bigint[], '{CREDIT,CREDIT,CREDIT}', '{1,1,1}')`)
      .map(({ status }) => status)
    demand('far from it', credits, ['ok', 'ok', 'ok'])
    await sealCredit(sql, id, { balance: '999999999999999999.99' })
    const more = await sql`
      select status from post_entries(
        ${`{${id},${other}}`}::bigint[], '{CREDIT,CREDIT}', '{0.01,1}')`
    demand('beyond it', more.map(({ status }) => status), ['LGRNG', 'ok'])
    await insert(sql, id, 1)
    demand('by hand', await codeOf(debit(sql, id, 1)), 'LGRNG')
    demand('of others', await codeOf(debit(sql, other, 1)), 'ok')
    // It isn't the sum, so that nothing else may find it.
    await sql`alter table payment_history disable trigger guard_row`
    await sql`delete from payment_history where user_id = ${id}`
    await sql`alter table payment_history enable always trigger guard_row`
    await sql`select recalculate_balance(${id})`
  },

  async 'hand-made rows in bounded steps'({ sql, demand }) {
    const id = await createUser(sql)
    await sql`
      insert into payment_history (user_id, action, amount, ts)
        select ${id}, 'CREDIT', n, now() - n * interval '1 h' from generate_series(1, 5) n`
    const step = async () =>
      (await sql`select status, balance from post_entries(
        array[${id}::bigint], '{DEBIT}', '{15}', max_pending => 2)`)
        .map(({ status, balance }) => `${status} ${balance}`)
    demand('first', await step(), ['55P03 3.00'])
    demand('second', await step(), ['55P03 10.00'])
    demand('users', await findingsOf(sql, id), [])
    demand('third', await step(), ['ok 0.00'])
    demand('history', await historyOf(sql, id), [
      '+1.00=1.00',
      '+2.00=3.00',
      '+3.00=6.00',
      '+4.00=10.00',
      '+5.00=15.00',
      '-15.00=0.00',
    ])
  },

  async 'a hand-made debit below zero'({ sql, demand }) {
    const id = await createUser(sql, 10)
    await insert(sql, id, -15)
    demand('a debit', await codeOf(debit(sql, id, '0.01')), 'LGFND')
    await sql`select recalculate_balance(${id})`
    demand('history', await historyOf(sql, id), ['+10.00=10.00', '-15.00=-5.00'])
    demand('a credit', await codeOf(sql`select credit_user(${id}, 5)`), 'ok')
    demand('a debit after it', await codeOf(debit(sql, id, '0.01')), 'LGFND')
  },

  async 'a copy that was edited'({ sql, demand }) {
    const id = await createUser(sql, 10)
    await sql`update users set balance = 1000, seq = 50 where id = ${id}`
    demand('a debit', await codeOf(debit(sql, id, 11)), 'LGFND')
    const [read] = await sql`select balance, seq from get_users(array[${id}::bigint])`
    demand('a reading', read, { balance: '10.00', seq: '1' })
    await sql`select recalculate_balance(${id})`
    demand('findings', await findingsOf(sql, id), [])
    await sql`update users set balance = 0, seq = 0 where id = ${id}`
    demand('a covered debit', await codeOf(debit(sql, id, 10)), 'ok')
  },

  async 'a batch that works on one user'({ sql, demand }) {
    const [id, other] = [await createUser(sql, 10), await createUser(sql, 1)]
    const rows = await batch(sql, [id, other, id, 999_999, id, other], [4, 1, 7, 1, 6, 1])
    demand('statuses', rows.map(({ status }) => status), [
      'ok',
      'ok',
      'LGFND',
      'LGUSR',
      'ok',
      'LGFND',
    ])
    demand('history', await historyOf(sql, id), ['+10.00=10.00', '-4.00=6.00', '-6.00=0.00'])
    const posted = await sql`
      select user_id from post_entries(
        ${`{${other},${id},${other}}`}::bigint[], '{CREDIT,CREDIT,CREDIT}', '{1,1,1}')`
    demand('order', posted.map(({ user_id }) => Number(user_id)), [other, id, other])
  },

  async 'sealing without a seq'({ sql, demand }) {
    const id = await createUser(sql)
    await insert(sql, id, 1)
    for (const change of ['seq = null', 'id = id', 'amount = amount']) {
      const update = sql.unsafe(`update payment_history set ${change} where user_id = ${id}`)
      demand(change, await codeOf(update), 'LGIMM')
    }
    await sql`select recalculate_balance(${id})`
  },

  async 'changing history'({ sql, demand }) {
    const id = await createUser(sql, 10)
    await insert(sql, id, 1)
    const seal = "seq = 2, balance = 11, sealed_at = now(), held = 0, hash = ''"
    for (
      const change of [
        `update payment_history set balance = 5 where seq = 1`,
        `update payment_history set amount = 5 where seq is null`,
        `update payment_history set ${seal}, amount = 5 where seq is null`,
        `update payment_history set ${seal}, user_id = 1 where seq is null`,
        `delete from payment_history`,
        `truncate payment_history`,
      ]
    ) {
      await sql`begin`
      await sql`set local session_replication_role = replica`
      demand(change, await codeOf(sql.unsafe(change)), 'LGIMM')
      await sql`rollback`
    }
    await sql`select recalculate_balance(${id})`
  },
}

/** Plays one of them and answers what was wrong, if anything. */
export async function play(name: string, url: string): Promise<string[]> {
  const wrong: string[] = []
  const open: postgres.Sql[] = []
  const connect = () => {
    const sql = connectTo(url)
    open.push(sql)
    return sql
  }
  const sql = connect()
  try {
    const [last] = await sql`select max(id) as id from users`
    await INTERLEAVINGS[name]!({
      sql,
      connect,
      demand(what, got, wanted) {
        const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)]
        if (a !== b) wrong.push(`${what}: ${a} instead of ${b}`)
      },
    })
    const users = await sql<{ id: string }[]>`select id from users where id > ${last!['id']}`
    for (const { id } of users) wrong.push(...await findingsOf(sql, Number(id)))
  } catch (error) {
    wrong.push(String(error))
  } finally {
    await Promise.all(open.map((connection) => connection.end({ timeout: 0 })))
  }
  return wrong
}
