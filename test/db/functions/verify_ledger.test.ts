import { expect, test } from 'vitest'
import { codeOf, useLedger } from '../../support/ledger.ts'
import { rehash, tamper, verifyLedger } from '../../support/tampering.ts'

const ledger = useLedger()

test('verify_ledger() finds nothing in an empty ledger, nor in users without history', async () => {
  expect(await verifyLedger(ledger.sql)).toEqual([])
  await ledger.user()
  expect(await verifyLedger(ledger.sql)).toEqual([])
})

test('verify_ledger() takes a restored dump, and what others add, for what it was', async () => {
  const sql = ledger.connect()
  await sql`begin`
  const checks = await sql<{ on_table: string; name: string; definition: string }[]>`
    select conrelid::regclass as on_table, conname as name, pg_get_constraintdef(oid) as definition
      from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace`
  expect(checks.length).toBeGreaterThan(1)
  for (const { on_table, name, definition } of checks) {
    await sql.unsafe(`alter table ${on_table} drop constraint ${name};
      alter table ${on_table} add constraint ${name} ${definition}`)
  }
  await sql.unsafe(`
    alter table users add email text unique;
    create index on payment_history (ts);
    alter table holds add check (amount < 1000000);
    alter table payment_history add branch text default 'main';
    grant select on payment_history to pg_monitor;
    create index on payment_history ((metadata ->> 'order'));
    alter table users add size integer generated always as (length(balance::text)) stored;
    create function mine() returns int language sql as $$ select 1 $$;
    create view mine_too as select 1 as one;
    create sequence counter;
    set timezone = 'Asia/Tokyo';
    set datestyle = 'German';
    set quote_all_identifiers = on;
    set search_path = pg_catalog`)
  const found = await sql`select finding, user_id, seq, detail from public.verify_ledger()`
  expect([...found]).toEqual([])
  await sql`rollback`
})

test('verify_ledger() finds a history that goes on where the one of the user before ends', async () => {
  const { sql } = ledger
  const before = await ledger.user(10)
  const id = await ledger.user(10)
  expect(id).toBe(before + 1)
  await tamper(
    sql,
    `update payment_history set seq = 2, balance = 20 where user_id = ${id}`,
    rehash(id, 2, 1, before),
    `update users set seq = 2, balance = 20 where id = ${id}`,
  )
  expect(await verifyLedger(sql)).toEqual(
    ['balance_wrong', 'gap', 'hash_differs'].map((finding) => `${finding} ${id}/2`),
  )
  await tamper(
    sql,
    `delete from payment_history where user_id in (${before}, ${id})`,
    `delete from users where id in (${before}, ${id})`,
  )
})

test('verify_ledger() finds the same whatever the size of the pages', async () => {
  const { sql } = ledger
  const ids = [await ledger.user(1), await ledger.user(), await ledger.user(3)]
  for (let n = 0; n < 7; n++) await sql`select credit_user(${ids[2]!}::bigint, 1)`
  await tamper(sql, `update payment_history set ts = now() where user_id = ${ids[2]} and seq = 4`)
  for (const size of [1, 2, 3, 4, 100]) {
    let [user, seq]: [string | null, string | null] = ['0', '0']
    let rows = 0
    const found: string[] = []
    while (user !== null) {
      const [page] = await sql`
        select rows_read, next_user_id, next_seq,
               array(select f.finding || ' ' || f.seq from unnest(findings) f)::text as found
          from ledger.verify_entries(${user}::bigint, ${seq}::bigint, ${size}::integer)`
      rows += Number(page!['rows_read'])
      if (page!['found'] !== '{}') found.push(page!['found'])
      user = page!['next_user_id'] as string | null
      seq = page!['next_seq'] as string | null
    }
    expect([size, rows, found]).toEqual([size, 9, ['{"hash_differs 4"}']])
  }
  await tamper(sql, `delete from payment_history where user_id = ${ids[2]}`)
  await tamper(sql, `update users set seq = 0, balance = 0 where id = ${ids[2]}`)
})

test('verify_ledger() is for ledger_dba, not for the service', async () => {
  expect(await verifyLedger(ledger.connect('ledger_dba'))).toEqual([])
  expect(await codeOf(ledger.connect('ledger_service')`select verify_ledger()`)).toBe('42501')
})
