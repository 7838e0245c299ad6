/** Scenarios about what travels in one call. */
import type postgres from 'postgres'
import { blocks, createUser, historyOf, pidOf, start } from '../support/ledger.ts'
import { batch, insert, type Scenario } from './scenario.ts'

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

/** When the halves of a user's transfers were posted. */
async function momentsOf(sql: postgres.Sql, user: number): Promise<string[]> {
  const rows = await sql<{ at: string }[]>`
    select sealed_at::text as at from payment_history
     where user_id = ${user} and peer_user_id is not null order by seq`
  return rows.map(({ at }) => at)
}

export const BATCHES: Record<string, Scenario> = {
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
    const moments = await momentsOf(sql, id)
    expectEqual('moments', moments.length, 2)
    expectEqual('moments of the other', await momentsOf(sql, other), moments)
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
}
