/** Names that somebody else has made stand in for none of the ledger's, nor of PostgreSQL's. */
import type postgres from 'postgres'
import { beforeAll, describe, expect, test } from 'vitest'
import { codeOf, one, type Role, stateOf, useLedger } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import { post } from '../support/post.ts'
import { verifyLedger, verifyUser } from '../support/tampering.ts'
import { sample } from '../support/share.ts'

const ledger = useLedger()
const ATTACKER = 'ledger_test_attacker'

let attacker: postgres.Sql
let id: number

beforeAll(async () => {
  const { sql } = ledger
  await sql.unsafe(`
    do $$ begin create role ${ATTACKER}; exception when duplicate_object then null; end $$;
    create schema evil authorization ${ATTACKER};
    grant select, update on payment_history to ${ATTACKER};
    grant usage on schema ledger to ${ATTACKER}`)
  id = await ledger.user(10)
  await sql`select debit_user(${id}, 1)`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  attacker = ledger.connect(ATTACKER as Role)
  await attacker.unsafe(`
    ${
    [
      'record, public.payment_history',
      'record, record',
      'text, text',
      'name, text',
      'numeric, numeric',
    ]
      .map((args) => {
        const [left, right] = args.split(', ')
        return `
          create function evil.yes(${args}) returns boolean language plpgsql
            as 'begin return true; end';
          create function evil.no(${args}) returns boolean language plpgsql
            as 'begin return false; end';
          create operator evil.= (function = evil.yes, leftarg = ${left}, rightarg = ${right});
          create operator evil.<> (function = evil.no, leftarg = ${left}, rightarg = ${right});`
      }).join('')
  }
    create function evil.has_table_privilege(text, text) returns boolean language sql
      as 'select true';
    create function evil.now() returns timestamptz language sql as 'select pg_catalog.now()';
    create function evil.clock_timestamp() returns timestamptz language sql
      as $$ select '2000-01-01'::timestamptz $$;
    create function evil.sha256(bytea) returns bytea language sql as $$ select '\\x00'::bytea $$;
    create function evil.record_send(record) returns bytea language plpgsql
      as $$ begin return '\\x00'::bytea; end $$;
    create function evil.round(numeric, int) returns numeric language sql as 'select 1000.00';
    create table evil.users (id bigint, balance numeric, seq bigint, hold_changes bigint);
    create table evil.payment_history (like public.payment_history);
    create table evil.interventions (transaction xid8, at timestamptz, operation text)`)
})

describe('whoever may update history, with names of their own before pg_catalog,', () => {
  test.each([
    'update public.payment_history set amount = 1000 where seq is not null',
    'update public.payment_history set balance = 1000 where seq = 2',
    'update public.payment_history set amount = 1000 where seq is null',
    `update public.payment_history set amount = 1000, seq = 3, balance = 1000, held = 0,
       hash = '\\x00', sealed_at = now() where seq is null`,
    `update public.payment_history set user_id = 1, seq = 1, balance = 1000, held = 0,
       hash = '\\x00', sealed_at = now() where seq is null`,
  ])('gets LGIMM for %s', async (statement) => {
    const before = await stateOf(ledger.sql, id)
    for (
      const path of ['evil, pg_catalog', 'evil, pg_catalog, public', 'public, evil, pg_catalog']
    ) {
      await attacker.unsafe(`set search_path = ${path}`)
      expect([path, await codeOf(attacker.unsafe(statement))]).toEqual([path, 'LGIMM'])
    }
    expect(await stateOf(ledger.sql, id)).toEqual(before)
  })
})

test('what runs as the owner is read in no search_path of its caller', async () => {
  const { sql } = ledger
  await sql.unsafe(`grant ledger_dba to ${ATTACKER}`)
  const user = await ledger.user(10)
  try {
    await attacker`set search_path = evil, pg_catalog, public`
    await attacker.unsafe(`select * from public.debit_user(${user}, 4, 'k', '{"m": 1}')`)
    expect(await codeOf(attacker.unsafe(`select public.debit_user(${user}, 7)`))).toBe('LGFND')
    await attacker.unsafe(`select public.place_hold(${user}, 2), public.capture_hold(${user}, 1)`)
    await post(attacker, [{ op: 'CREDIT', user, amount: '1.5' }, { op: 'DEBIT', user, amount: 1 }])
    await attacker.unsafe(`
      insert into public.payment_history (user_id, action, amount) values (${user}, 'CREDIT', 1)`)
    await attacker.unsafe(`select public.recalculate_balance(${user})`)
    expect(await verifyUser(attacker, user).catch(() => [])).toEqual([])
    await attacker`set search_path = public`
    expect(await verifyUser(attacker, user)).toEqual([])
    expect(await findingsOf(sql, user)).toEqual([])
    expect(await one(sql`select balance from users where id = ${user}`)).toEqual({
      balance: '5.50',
    })
  } finally {
    await sql.unsafe(`revoke ledger_dba from ${ATTACKER}`)
  }
})

test('where everybody may create in public, nothing of it runs as the owner', async () => {
  const { sql } = ledger
  const user = await ledger.user(10)
  await sql`insert into payment_history (user_id, action, amount) values (${user}, 'CREDIT', 1)`
  // As databases from before PostgreSQL 15 are.
  await sql`grant create on schema public to public`
  const caught = (args: string) => `
    create or replace function public.${args} language plpgsql as
      $$ begin raise exception 'ran as %', current_user; end $$`
  const service = ledger.connect('ledger_service')
  let n = 0
  try {
    for (
      const [args, drop] of [
        [
          'array_append(public.payment_history[], public.payment_history) returns public.payment_history[]',
          'array_append(public.payment_history[], public.payment_history)',
        ],
        ['sum_of(numeric) returns numeric', 'sum_of(numeric)'],
        ['entry_hash(bytea, bigint) returns bytea', 'entry_hash(bytea, bigint)'],
        ['now() returns timestamptz', 'now()'],
        ['round(numeric, integer) returns numeric', 'round(numeric, integer)'],
        ['width_bucket(bigint, bigint[]) returns integer', 'width_bucket(bigint, bigint[])'],
        ['coalesce_all(text) returns text', 'coalesce_all(text)'],
      ]
    ) {
      await service.unsafe(caught(args!))
      expect(
        await post(service, [
          { op: null, user },
          { op: 'DEBIT', user, amount: '0.01', key: `k${n++}` },
          { op: 'HOLD', user, amount: '0.01' },
        ]),
      ).toMatchObject([{ status: 'ok' }, { status: 'ok' }, { status: 'ok' }])
      await sql`insert into payment_history (user_id, action, amount) values (${user}, 'CREDIT', 1)`
      await service.unsafe(`drop function public.${drop}`)
    }
  } finally {
    await sql`revoke create on schema public from public`
  }
  expect(await findingsOf(sql, user)).toEqual([])
})

test('what the attacker was granted is told', async () => {
  const { sql } = ledger
  const told = async () =>
    (await sql`select finding, detail from ledger.verify_guards()`)
      .map((row) => row['detail'] as string)
  expect(await told()).toEqual([expect.stringContaining('rights on payment_history')])
  await sql.unsafe(`revoke all on payment_history from ${ATTACKER}`)
  expect(await told()).toEqual([])
})

describe('a column that a DBA adds', () => {
  const ADDED = [
    'add column note text',
    `add column note text not null default 'none'`,
    'add column note bigint',
    `add column note text generated always as ('x') stored`,
  ]
  const work = async (sql: postgres.Sql, a: number, b: number) => {
    await sql`insert into payment_history (user_id, action, amount) values (${a}, 'CREDIT', 5)`
    await sql`select debit_user(${a}, 1)`
    await sql`select credit_user(${b}, 1, 'k', '{"m": 1}')`
    await sql`select transfer(${a}, ${b}, 1)`
    const [hold] = await sql`select * from place_hold(${a}, 2, 60)`
    await sql`select capture_hold(${a}, ${hold!['hold']}::bigint, 1)`
    const [other] = await sql`select * from place_hold(${a}, 1)`
    await sql`select release_hold(${a}, ${other!['hold']}::bigint)`
    const [debit] = await sql`select * from debit_user(${a}, 1)`
    await sql`select reverse_entry(${a}, ${debit!['seq']}::bigint)`
    await sql`insert into payment_history (user_id, action, amount) values (${b}, 'CREDIT', 5)`
    const rows = await post(sql, [
      { op: 'TRANSFER', user: a, peer: b, amount: 1 },
      { op: 'HOLD', user: a, amount: 1 },
      { op: 'CREDIT', user: b, amount: 1, key: 'k', metadata: '{"m": 1}' },
    ])
    expect(new Set(rows.map(({ status }) => status as string))).toEqual(new Set(['ok']))
    await sql`select recalculate_balance(${b})`
    await sql`select * from ledger.get_history(${a})`
    expect(await verifyLedger(sql)).toEqual([])
  }
  const statements = ['payment_history', 'users', 'holds', 'interventions'].flatMap((table) =>
    ADDED.map((column) => `alter table ${table} ${column}`)
  )
  test.each(sample('added columns', statements, 3))('changes nothing: %s', async (statement) => {
    const [a, b] = [await ledger.user(20), await ledger.user(10)]
    const [early, late] = [ledger.connect(), ledger.connect()]
    // This session has plans from before, the other one has none.
    await work(early, a, b)
    await ledger.sql.unsafe(statement)
    try {
      await work(early, a, b)
      const { table } = /table (?<table>\w+)/.exec(statement)!.groups!
      await ledger.sql.unsafe(`alter table ${table} add column another text default 'y'`)
      await work(late, a, b)
      await work(early, a, b)
      await ledger.sql.unsafe(`alter table ${table} drop column another`)
      await work(early, a, b)
      expect([...await findingsOf(ledger.sql, a), ...await findingsOf(ledger.sql, b)]).toEqual([])
    } finally {
      await ledger.sql.unsafe(`${statement.split(' add ')[0]} drop column note`)
    }
  })
})
