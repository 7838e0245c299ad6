/**
 * Races and rules, each run in one fixed order on one database. Each answers what it found
 * wrong, so that the same can be expected of the ledger (nothing) and of one that is broken on
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
} from '../support/ledger.ts'
import { PARTS } from './parts.ts'

interface Stage {
  /** As superuser, for whoever isn't part of the race. */
  sql: postgres.Sql
  connect: () => postgres.Sql
  /** Notes what is not as it has to be. */
  expectEqual: (what: string, got: unknown, wanted: unknown) => void
}

export type Scenario = (stage: Stage) => Promise<void>

const insert = (sql: postgres.Sql, id: number, amount: number) =>
  sql`insert into payment_history (user_id, action, amount)
    values (${id}, ${amount < 0 ? 'DEBIT' : 'CREDIT'}, ${Math.abs(amount)})`

const debit = (sql: postgres.Sql, id: number, amount: number | string, key?: string) =>
  sql`select * from debit_user(${id}, ${amount}, ${key ?? null}::text)`

const batch = (sql: postgres.Sql, ids: number[], amounts: unknown[], keys?: (string | null)[]) =>
  sql`select * from debit_users(
    ${`{${ids.join(',')}}`}::bigint[], ${`{${amounts.join(',')}}`}::numeric[],
    ${`{${(keys ?? ids.map(() => null)).map((key) => key ?? 'null').join(',')}}`}::text[])`

type PostedOperation = [string, number | null, number | null, { key?: string; peer?: number }?]

/** Posts them in one call. @returns the status of each, as that user is told */
async function postAll(sql: postgres.Sql, id: number, ...operations: PostedOperation[]) {
  const column = (values: (string | number | null | undefined)[]) =>
    `{${values.map((value) => value ?? 'null').join(',')}}`
  const rows = await sql`
    select n, status, replayed, user_id from ledger.post(
      ${column(operations.map(([operation]) => operation))}::text[],
      ${column(operations.map(() => id))}::bigint[],
      ${column(operations.map(([, amount]) => amount))}::numeric[],
      ${column(operations.map(([, , , more]) => more?.peer))}::bigint[],
      ${column(operations.map(([, , ref]) => ref))}::bigint[],
      idempotency_keys => ${column(operations.map(([, , , more]) => more?.key))}::text[])`
  return rows.filter(({ user_id }) => Number(user_id) === id)
    .map(({ status, replayed }) => `${status}${replayed ? ' again' : ''}`)
}

export const SCENARIOS: Record<string, Scenario> = {
  ...PARTS,

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

  async 'a batch while manual entries are open'({ sql, connect, expectEqual }) {
    const id = await createUser(sql)
    const [late, caller] = [connect(), connect()]
    const pid = await pidOf(caller)
    await late`begin`
    await insert(late, id, 7)
    await insert(sql, id, 2)
    const statuses = (rows: PromiseLike<postgres.Row[]>) =>
      Promise.resolve(rows).then((all) => all.map(({ status }) => status as string))
    const first = start(statuses(batch(caller, [id, id], [3, 1])))
    expectEqual('the batch waits', await blocks(sql, pid, first), false)
    expectEqual('before', await first, ['LGFND', 'ok'])
    await late`commit`
    expectEqual('after', await statuses(batch(caller, [id], [8])), ['ok'])
    expectEqual('history', await historyOf(sql, id), [
      '+2.00=2.00',
      '-1.00=1.00',
      '+7.00=8.00',
      '-8.00=0.00',
    ])
  },

  /** Each counts for those after it; a refused one changes nothing. */
  async 'a batch of every operation'({ sql, expectEqual }) {
    const [id, other] = [await createUser(sql, 100), await createUser(sql, 5)]
    const to = { peer: other }
    expectEqual(
      'statuses',
      await postAll(
        sql,
        id,
        ['HOLD', 60, null, { key: 'h' }],
        ['HOLD', 41, null],
        ['HOLD', 60, null, { key: 'h' }],
        ['HOLD', 59, null, { key: 'h' }],
        ['TRANSFER', 41, null, to],
        ['TRANSFER', 40, null, { ...to, key: 't' }],
        ['TRANSFER', 40, null, { ...to, key: 't' }],
        ['TRANSFER', 40, null, { peer: 1, key: 't' }],
        ['CAPTURE', 61, 1],
        ['CAPTURE', 50, 1],
        ['CAPTURE', null, 1],
        ['RELEASE', null, 9],
        ['REVERSE', null, 2],
        ['REVERSE', null, 2],
        ['REVERSE', null, 3],
        ['REVERSE', null, 99],
        ['HOLD', 100, null],
        ['RELEASE', null, 2, { key: 'r' }],
        ['RELEASE', null, 2, { key: 'r' }],
        ['RELEASE', null, 2],
      ),
      [
        'ok',
        'LGFND',
        'ok again',
        'LGKEY',
        'LGFND',
        'ok',
        'ok again',
        'LGKEY',
        'LGAMT',
        'ok',
        'LGHLD',
        'LGHLU',
        'ok',
        'LGREV',
        'ok',
        'LGENT',
        'ok',
        'ok',
        'ok again',
        'LGHLD',
      ],
    )
    expectEqual('history', await historyOf(sql, id), [
      '+100.00=100.00',
      '-40.00=60.00',
      '-50.00=10.00',
      '+40.00=50.00',
      '+50.00=100.00',
    ])
    expectEqual('the other', await historyOf(sql, other), [
      '+5.00=5.00',
      '+40.00=45.00',
      '-40.00=5.00',
    ])
    const moments = await sql`
      select h.sealed_at = p.sealed_at as same from payment_history h
        join payment_history p on (p.user_id, p.seq) = (h.peer_user_id, h.peer_seq)
       where h.user_id = ${id}`
    expectEqual('moments', moments.map(({ same }) => same), [true, true])
  },

  /** Who asks for a moment waits for whoever may still post before it. */
  async 'a moment that is not final yet'({ sql, connect, expectEqual }) {
    const id = await createUser(sql, 10)
    const [holder, reader] = [connect(), connect()]
    const pid = await pidOf(reader)
    await holder`begin`
    await debit(holder, id, 4)
    const [{ at } = { at: '' }] = await sql<{ at: string }[]>`select clock_timestamp()::text as at`
    const asked = start(
      Promise.resolve(reader`select balance_at(${id}, ${at}::text::timestamptz) as balance`)
        .then(([row]) => row!['balance'] as string),
    )
    expectEqual('the reader waits', await blocks(sql, pid, asked), true)
    await holder`commit`
    expectEqual('the balance', await asked, '6.00')
    const [before] = await reader`
      select balance_at(${id}, min(sealed_at)) as balance
        from payment_history where user_id = ${id}`
    expectEqual('before', before!['balance'], '10.00')
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
    await sql`alter table payment_history disable trigger guard_row`
    await sql`delete from payment_history where user_id = ${id}`
    await sql`alter table payment_history enable always trigger guard_row`
    await sql`select recalculate_balance(${id})`
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

  async 'a batch that works on one user'({ sql, expectEqual }) {
    const [id, other] = [await createUser(sql, 10), await createUser(sql, 1)]
    const rows = await batch(sql, [id, other, id, 999_999, id, other], [4, 1, 7, 1, 6, 1])
    expectEqual('statuses', rows.map(({ status }) => status), [
      'ok',
      'ok',
      'LGFND',
      'LGUSR',
      'ok',
      'LGFND',
    ])
    expectEqual('history', await historyOf(sql, id), ['+10.00=10.00', '-4.00=6.00', '-6.00=0.00'])
    const posted = await sql`
      select user_id from ledger.post('{CREDIT,CREDIT,CREDIT}',
        ${`{${other},${id},${other}}`}::bigint[], '{1,1,1}')`
    expectEqual('order', posted.map(({ user_id }) => Number(user_id)), [other, id, other])
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

/** Runs one of them and answers what was wrong, if anything. */
export async function runScenario(name: string, url: string): Promise<string[]> {
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
    await SCENARIOS[name]!({
      sql,
      connect,
      expectEqual(what, got, wanted) {
        const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)]
        if (a !== b) wrong.push(`${what}: ${a} instead of ${b}`)
      },
    })
    const users = await sql<{ id: string }[]>`select id from users where id > ${last!['id']}`
    for (const { id } of users) wrong.push(...await findingsOf(sql, Number(id)))
  } catch (error) {
    wrong.push(`${(error as { code?: string }).code}: ${String(error)}`)
  } finally {
    await Promise.all(open.map((connection) => connection.end({ timeout: 0 })))
  }
  return wrong
}
