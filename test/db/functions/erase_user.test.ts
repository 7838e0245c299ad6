import type postgres from 'postgres'
import { expect, test } from 'vitest'
import { codeOf, letTriggersChange, one, useLedger } from '../../support/ledger.ts'
import { ageUsers, tamper, verifyLedger } from '../../support/tampering.ts'

const ledger = useLedger()
const REASON = 'request 4711, decided by the officer'
const TABLES = ['payment_history', 'hold_changes', 'erasures', 'interventions']
  .concat('user_controls', 'user_details', 'manual_entries')
const guardOf = (table: string) => table === 'manual_entries' ? 'guard_update' : 'guard_row'
const SECRET = '{"name": "Ada Abel"}'

/** A user with something to erase in every place, and the other half of a transfer. */
async function person(sql: postgres.Sql): Promise<{ id: number; peer: number }> {
  const { id } = await one(sql<{ id: string }[]>`
    select id from create_user(reference => ${`ada-${Math.random()}`}, metadata => ${SECRET}::text::jsonb,
      idempotency_key => ${`ada-${Math.random()}`})`)
  const peer = await ledger.user()
  await sql`select credit_user(${id}::bigint, 100, 'key-first', ${SECRET}::text::jsonb)`
  await sql`select transfer(${id}::bigint, ${peer}::bigint, 30, 'key-rent', ${SECRET}::text::jsonb)`
  await sql`select debit_user(${id}::bigint, 1)`
  await sql`select place_hold(${id}::bigint, 9, null, 'key-held', ${SECRET}::text::jsonb)`
  await sql`select place_hold(${id}::bigint, 8, null, 'key-held-too', ${SECRET}::text::jsonb)`
  await sql`select capture_hold(${id}::bigint, 1, 5, 'key-captured', ${SECRET}::text::jsonb)`
  await sql`select release_hold(${id}::bigint, 2, 'key-released', ${SECRET}::text::jsonb)`
  for (const amount of [2, 3]) {
    await sql`
      insert into payment_history (user_id, action, amount, metadata)
      values (${id}::bigint, 'CREDIT', ${amount}::numeric, ${SECRET}::text::jsonb)`
  }
  const pending = await one(sql`
    select max(p.id) as id from pending_entries p where p.user_id = ${id}::bigint`)
  await sql`select withdraw_entry(${id}::bigint, ${pending['id']}::bigint)`
  await sql`select recalculate_balance(${id}::bigint)`
  await sql`
    select freeze_user(${id}::bigint, 'Ada moved'), thaw_user(${id}::bigint), set_credit_limit(${id}::bigint, 5, 'Ada asked')`
  return { id: Number(id), peer }
}

const erase = async (sql: postgres.Sql, id: number, keep = '1 day') => ({
  ...await one(sql`
    select entries::integer, holds::integer, interventions::integer, kept::integer
      from erase_user(${id}::bigint, ${REASON}, ${keep}::interval)`),
})

/** What anchors are made of, but for interventions, of which there is one more. */
const anchored = async (sql: postgres.Sql) => [
  ...await sql`
    select kind, user_id, changes, hash, lasting_hash from ledger.changes_between('{-infinity,infinity}')
     where kind <> 'interventions' order by kind, user_id`,
  ...await sql`
    select user_id, max(seq) as seq, (array_agg(hash order by seq desc))[1]::text as hash
      from payment_history where seq is not null group by user_id order by user_id`,
]

test('erase_user() takes out all that people said, and leaves the proof and the anchors whole', async () => {
  const sql = ledger.connect()
  const { id, peer } = await person(sql)
  await ageUsers(sql, 2, id, peer)
  expect(await verifyLedger(sql)).toEqual([])
  const before = await anchored(sql)

  // Of the peer the half of the transfer.
  expect(await erase(sql, id)).toEqual({ entries: 5, holds: 2, interventions: 1, kept: 0 })
  const { everything } = await one(sql<{ everything: string }[]>`
    select concat((select jsonb_agg(h) from payment_history h),
      (select jsonb_agg(c) from hold_changes c),
      (select jsonb_agg(d) from user_details d),
      (select jsonb_agg(r) from user_references r),
      (select jsonb_agg(k) from user_keys k),
      (select jsonb_agg(c) from user_controls c),
      (select jsonb_agg(i) from interventions i),
      (select jsonb_agg(m) from manual_entries m)) as everything`)
  expect(everything).not.toMatch(/Ada|ada-|key-/)
  const balances = await sql`select balance from balances where id in (${id}, ${peer}) order by id`
  expect(balances.map((row) => row['balance'])).toEqual(['66.00', '30.00'])
  expect(await anchored(sql)).toEqual(before)
  expect(await verifyLedger(sql)).toEqual([])
  expect(await erase(sql, id)).toEqual({ entries: 0, holds: 0, interventions: 0, kept: 0 })
  // Of the peer, too, the half of the transfer was all that there was.
  expect(await erase(sql, peer)).toEqual({ entries: 0, holds: 0, interventions: 0, kept: 0 })
  expect(await verifyLedger(sql)).toEqual([])
})

test('erase_user() keeps what is younger, so that a repeat answers what it did', async () => {
  const sql = ledger.connect()
  const { id } = await person(sql)
  const { kept, ...erased } = await erase(sql, id)
  expect(erased).toEqual({ entries: 0, holds: 0, interventions: 0 })
  expect(kept).toBeGreaterThan(5)
  expect(
    await one(sql`
    select replayed from credit_user(${id}, 100, 'key-first', ${SECRET}::text::jsonb)`),
  )
    .toEqual({ replayed: true })
  expect(await codeOf(sql`select erase_user(${id}, ${REASON}, '23 hours')`)).toBe('22023')
})

test('what is changed after an erasure is found', async () => {
  const sql = ledger.connect()
  const { id, peer } = await person(sql)
  await ageUsers(sql, 2, id, peer)
  await erase(sql, id)
  const find = async (...changes: string[]) => {
    await sql`begin`
    await sql.unsafe(changes.join(';'))
    const found = await verifyLedger(sql)
    await sql`rollback`
    return found.filter((finding) => finding !== 'guard_missing -/-')
  }
  const row = `user_id = ${id} and seq = 1`
  await sql.unsafe(letTriggersChange().replace(' local', ''))
  for (const table of TABLES) {
    await sql.unsafe(`alter table ${table} disable trigger ${guardOf(table)}`)
  }
  expect(await find('select')).toEqual([])
  for (const change of [`held = held - 1`, `metadata = '{"erased": 9}'`, `idempotency_key = 'k'`]) {
    expect(await find(`update payment_history set ${change} where ${row}`))
      .toEqual([`hash_differs ${id}/1`])
  }
  for (const change of ['amount = 1', 'metadata = null', 'seq = 1']) {
    expect(await find(`update hold_changes set ${change} where user_id = ${id} and hold = 2`))
      .toContain(`hold_invalid ${id}/-`)
  }
  for (const change of [`reason = 'x'`, 'at = now()', 'credit_limit = 6']) {
    expect(await find(`update user_controls set ${change} where user_id = ${id} and number = 3`))
      .toContain(`control_differs ${id}/-`)
  }
  for (const state of ['seq is null', 'seq is not null']) {
    for (const change of [`entered_by = 'alice'`, 'entered_at = now()', 'id = id + 100']) {
      expect(
        await find(`update manual_entries set ${change} where user_id = ${id} and ${state}`),
      ).toContain(`manual_entry_invalid ${id}/${state === 'seq is null' ? '-' : 5}`)
    }
  }
  for (const change of [`reference = 'x'`, `metadata = '{}'`, 'asked_id = 1']) {
    expect(await find(`update user_details set ${change} where user_id = ${id}`))
      .toContain(`details_invalid ${id}/-`)
  }
  expect(await find(`delete from erasures where kind = 'entry' and user_id = ${id} and number = 1`))
    .toEqual([`erasure_invalid ${id}/-`, `hash_differs ${id}/1`])
  expect(
    await find(
      `insert into erasures (intervention, kind, user_id, number, hash)
       select 99, e.kind, e.user_id, e.number, e.hash from erasures e
        where e.kind = 'entry' and e.user_id = ${id} and e.number = 1`,
    ),
  ).toEqual([`erasure_invalid ${id}/-`])
  expect(
    await find(`update interventions set before = before || '{"entries": 0}'
    where operation = 'ERASE'`),
  ).toContain(`intervention_invalid ${id}/-`)
  for (const table of TABLES) {
    await sql.unsafe(`alter table ${table} enable always trigger ${guardOf(table)}`)
  }
  expect(await verifyLedger(sql)).toEqual([])
})

test('erase_user() refuses a row that is not what its hash says, and changes nothing', async () => {
  const sql = ledger.connect()
  for (
    const change of [
      'payment_history set held = 3 where metadata is not null',
      'hold_changes set available = available + 1 where metadata is not null',
      `interventions set reason = 'another reason' where before ? 'metadata'`,
      `manual_entries set entered_by = 'alice' where seq is not null`,
      `manual_entries set entered_by = 'alice' where seq is null`,
      `user_controls set role = 'alice' where reason is not null`,
      `user_details set metadata = '{}' where reference is not null`,
    ]
  ) {
    const { id, peer } = await person(sql)
    await ageUsers(sql, 2, id, peer)
    await tamper(sql, `update ${change} and user_id = ${id}`)
    expect(await codeOf(sql`select erase_user(${id}, ${REASON}, '1 day')`)).toBe('LGIMM')
    expect(await sql`select from erasures where user_id = ${id}`).toHaveLength(0)
  }
})

test('an erasure lets its transaction change nothing else', async () => {
  const sql = ledger.connect()
  const { id, peer } = await person(sql)
  await ageUsers(sql, 2, id, peer)
  const tries = [
    `update payment_history set amount = 1 where user_id = ${id} and seq = 1`,
    `update payment_history set metadata = null where user_id = ${id} and seq = 1`,
    `delete from payment_history where user_id = ${id} and seq = 1`,
    `update interventions set reason = 'another reason'`,
    `update user_controls set role = 'nobody'`,
    `update user_controls set reason = 'none'`,
    `update user_details set metadata = '{}'`,
    `update user_details set asked_id = 3`,
    `delete from user_details`,
    `delete from erasures`,
  ]
  await sql`select freeze_user(${id}, 'a reason')`
  for (const text of tries) {
    await sql`begin`
    await sql`select erase_user(${id}, ${REASON}, '1 day')`
    expect([text, await codeOf(sql.unsafe(text))]).toEqual([text, 'LGIMM'])
    await sql`rollback`
  }
})

test('erase_user() is for the owner, of a user that there is, with a reason', async () => {
  const sql = ledger.connect()
  const id = await ledger.user()
  for (const role of ['ledger_dba', 'ledger_service'] as const) {
    expect(await codeOf(ledger.connect(role)`select erase_user(${id}, ${REASON})`)).toBe('42501')
  }
  expect(await codeOf(sql`select erase_user(9007199254740991, ${REASON})`)).toBe('LGUSR')
  expect(await codeOf(sql`select erase_user(${id}, 'short')`)).toBe('22023')
  expect(await codeOf(sql`select erase_user(${id}, ${REASON}, null)`)).toBe('22023')
})
