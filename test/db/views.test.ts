import { expect, test } from 'vitest'
import { ageHolds } from '../support/holds.ts'
import { one, useLedger } from '../support/ledger.ts'

const ledger = useLedger()

test('views show what people look for, as ledger_dba', async () => {
  const id = await ledger.user(100)
  const sql = ledger.connect('ledger_dba')
  await sql`select place_hold(${id}, 10, 3600)`
  await ageHolds(ledger.sql, id)
  await sql`select place_hold(${id}, 20, null, 'k', '{"a": 1}')`
  await sql`select debit_user(${id}, 30)`
  await sql`
    insert into payment_history (user_id, action, amount, metadata)
      values (${id}, 'CREDIT', 5, '{"b": 2}')`

  expect(await one(sql`select balance, held, available, seq from balances where id = ${id}`))
    .toEqual({ balance: '70.00', held: '20.00', available: '50.00', seq: '2' })
  expect(
    await one(sql`
    select b.available = g.available and b.updated_at = g.updated_at as is_same
      from balances b, ledger.get_users(array[${id}]::bigint[]) g where b.id = g.id`),
  )
    .toEqual({ is_same: true })
  expect(
    await one(sql`
    select action, amount, metadata, entered_by,
           withdraw_entry(user_id, id) is not null as withdrawn
      from pending_entries where user_id = ${id}`),
  ).toEqual({
    action: 'CREDIT',
    amount: '5.00',
    metadata: { b: 2 },
    entered_by: 'postgres',
    withdrawn: true,
  })
  expect(
    await one(sql`
    select hold, amount, expires_at, idempotency_key from active_holds where user_id = ${id}`),
  )
    .toEqual({ hold: '2', amount: '20.00', expires_at: null, idempotency_key: 'k' })
  expect(
    await one(sql`
    select sum(entries) as entries, sum(credited) as credited, sum(debited) as debited,
           (array_agg(balance order by day desc))[1] as balance
      from daily_totals where user_id = ${id}`),
  )
    .toEqual({ entries: '2', credited: '100.00', debited: '30.00', balance: '70.00' })
})

test('a user without history is in balances with 0.00', async () => {
  const id = await ledger.user()
  expect(await one(ledger.sql`select balance, held, available, seq from balances where id = ${id}`))
    .toEqual({ balance: '0.00', held: '0.00', available: '0.00', seq: '0' })
})

test.each([
  'balances where id',
  'pending_entries where user_id',
  'active_holds where user_id',
  'daily_totals where user_id',
])(
  '%s = … reads by index, whatever the statistics',
  async (view) => {
    const sql = ledger.connect()
    await sql`set enable_seqscan = off`
    const rows = await sql.unsafe(`explain select * from ${view} = 7`)
    expect(rows.map((row) => row['QUERY PLAN']).join()).not.toContain('Seq Scan')
  },
)

test('\\d+ says what each column of a view is, and \\df+ and \\d+ what everything for people is', async () => {
  const unexplained = await ledger.sql`
    select c.relname || '.' || a.attname as name from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
       and col_description(c.oid, a.attnum) is null
    union all
    select c.relname from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
       and c.relname <> 'schema_migrations' and obj_description(c.oid, 'pg_class') is null
    union all
    select p.proname from pg_proc p
     where p.pronamespace = 'public'::regnamespace and obj_description(p.oid, 'pg_proc') is null`
  expect(unexplained).toEqual([])
})
