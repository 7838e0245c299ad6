import { expect, test } from 'vitest'
import { findingsOf } from '../../support/findings.ts'
import { historyOf, one, useLedger } from '../../support/ledger.ts'
import { sealCredit } from '../../support/sealing.ts'

const ledger = useLedger()

/** As the engine calls it: under the user's lock. The copies are put right afterwards. */
async function postPending(id: number, maxRows: number | null): Promise<string> {
  const { status } = await one(ledger.sql<{ status: string }[]>`
    with locked as materialized (select from users where id = ${id} for no key update)
    select ledger.post_pending(${id}, ${maxRows}::integer) as status from locked`)
  return status
}

async function insert(id: number, ...amounts: number[]) {
  for (const amount of amounts) {
    await ledger.sql`
      insert into payment_history (user_id, action, amount)
        values (${id}, ${amount < 0 ? 'DEBIT' : 'CREDIT'}, ${Math.abs(amount)})`
  }
}

test('with plans from before a bulk load, what is posted is reached by its id', async () => {
  await ledger.sql`alter table payment_history set (autovacuum_enabled = false)`
  const id = await ledger.user()
  const sql = ledger.connect()
  /** Pages that it touches to post so many entries. */
  const pagesOf = async (entries: number): Promise<number> => {
    await sql`insert into payment_history (user_id, action, amount)
      select ${id}, 'CREDIT', 1 from generate_series(1, ${entries}::int)`
    const explained = await one(sql.unsafe(
      `explain (analyze, buffers, format json) select recalculate_balance(${id})`,
    ))
    const plan = explained['QUERY PLAN'][0].Plan
    return plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
  }
  // From the sixth on, plans are made once for all arguments.
  for (let n = 0; n < 7; n++) await pagesOf(1)
  const pages = [await pagesOf(1_000), await pagesOf(1_000), await pagesOf(1_000)]
  expect(pages[2]! / pages[0]!).toBeLessThan(2)
})

test('post_pending() numbers rows and sums them up, oldest id first', async () => {
  const id = await ledger.user(10)
  await insert(id, 1, -20, 3)
  expect(await postPending(id, null)).toBe('ok')
  expect(await historyOf(ledger.sql, id))
    .toEqual(['+10.00=10.00', '+1.00=11.00', '-20.00=-9.00', '+3.00=-6.00'])
  await ledger.sql`select recalculate_balance(${id})`
  expect(await findingsOf(ledger.sql, id)).toEqual([])
})

test('post_pending() returns 55P03 after max_rows, and ok when none is left', async () => {
  const id = await ledger.user()
  await insert(id, 1, 2, 3, 4, 5)
  expect(await postPending(id, 2)).toBe('55P03')
  expect(await historyOf(ledger.sql, id))
    .toEqual(['+1.00=1.00', '+2.00=3.00', '+3.00', '+4.00', '+5.00'])
  expect(await postPending(id, 2)).toBe('55P03')
  expect(await postPending(id, 2)).toBe('ok')
  expect(await postPending(id, 2)).toBe('ok')
  expect((await historyOf(ledger.sql, id)).at(-1)).toBe('+5.00=15.00')
})

test('post_pending() returns ok at exactly max_rows', async () => {
  const id = await ledger.user()
  await insert(id, 1, 2)
  expect(await postPending(id, 2)).toBe('ok')
})

test('post_pending() goes by id, whatever ts and the place in the table say', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sql`
    insert into payment_history (user_id, id, action, amount, ts)
      overriding user value
      select ${id}, 1, 'CREDIT', n, now() + n * interval '1 day' from generate_series(1, 3) n`
  await sql`
    insert into payment_history (user_id, id, action, amount, ts)
      select ${id}, -n, 'CREDIT', n, now() - n * interval '1 day' from generate_series(4, 6) n`
  expect(await postPending(id, 4)).toBe('55P03')
  expect(await postPending(id, null)).toBe('ok')
  expect(await historyOf(sql, id)).toEqual([
    '+6.00=6.00',
    '+5.00=11.00',
    '+4.00=15.00',
    '+1.00=16.00',
    '+2.00=18.00',
    '+3.00=21.00',
  ])
})

test.each(['nestloop', 'hashjoin', 'mergejoin'])(
  'post_pending() posts in order of seq also by a %s',
  async (join) => {
    const id = await ledger.user()
    const sql = ledger.connect()
    for (const other of ['nestloop', 'hashjoin', 'mergejoin', 'indexscan', 'bitmapscan']) {
      if (other !== join) await sql.unsafe(`set enable_${other} = off`)
    }
    await sql`
      insert into payment_history (user_id, id, action, amount)
        select ${id}, -n, 'CREDIT', 1 from generate_series(1, 500) n`
    await sql`select recalculate_balance(${id})`
    expect(await findingsOf(ledger.sql, id)).toEqual([])
  },
)

test('post_pending() keeps what people said about a row', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sql`
    insert into payment_history (user_id, action, amount, ts, metadata)
      values (${id}, 'CREDIT', 1, '2020-02-02 02:02:02.123456+00', '{"by": "hand"}')`
  await postPending(id, null)
  const row = await one(sql`
    select ts, metadata, sealed_at > ts as later from payment_history where user_id = ${id}`)
  expect(row).toEqual({
    ts: '2020-02-02 02:02:02.123456+00',
    metadata: { by: 'hand' },
    later: true,
  })
})

test('post_pending() posts each later than the one before, with the next ids in that order', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await insert(id, 1, 2, 3)
  const pending = await sql`
    select id from payment_history where user_id = ${id} and seq is null order by id`
  const last = Number(pending.at(-1)!['id'])
  expect(await postPending(id, null)).toBe('ok')
  const rows = await sql`
    select h.id, h.sealed_at > lag(h.sealed_at) over (order by h.seq) as later
      from payment_history h where h.user_id = ${id} order by h.seq`
  expect(rows.slice(1).map(({ later }) => later)).toEqual([true, true, true])
  expect(rows.slice(1).map((row) => Number(row['id']))).toEqual([last + 1, last + 2, last + 3])
})

test('post_pending() posts none of them when the balance would leave its range: LGRNG', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sealCredit(sql, id, { balance: '999999999999999999.98' })
  await insert(id, 0.01, 0.01)
  const before = await historyOf(sql, id)
  expect(await postPending(id, null)).toBe('LGRNG')
  expect(await historyOf(sql, id)).toEqual(before)
})
