import { expect, test } from 'vitest'
import { roundOf } from '../../../db/desk/seed_data.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { connectTo, one, stateOf, useLedger } from '../../support/ledger.ts'
import { runTypeScript } from '../../support/run_typescript.ts'
import { sample } from '../../support/share.ts'
import { verifyLedger } from '../../support/tampering.ts'

const ledger = useLedger()

/** Exit code, then the lines that it wrote. */
async function seed(url: string, ...args: string[]): Promise<[number | string, ...string[]]> {
  const run = runTypeScript('db/desk/seed.ts', args, { DATABASE_URL: url })
  return [await run.ended, ...run.output().trimEnd().split('\n')]
}

/** All that is in a history but for when it happened. */
async function historiesOf({ url }: Pick<TestDatabase, 'url'>) {
  const sql = connectTo(url)
  try {
    return await sql`
      select h.user_id, h.seq, h.action, h.amount, h.balance, h.held, h.idempotency_key, h.hold,
             h.reverses, h.peer_user_id, h.metadata from payment_history h order by 1, 2`
  } finally {
    await sql.end()
  }
}

test('npm run seed fills an empty ledger with months of everything, which verification has nothing against', async () => {
  expect(await seed(ledger.url, '--users', '60', '--months', '2'))
    .toEqual([0, expect.stringMatching(/^60 users, \d+ operations of 2 months, \d+ of today$/)])
  expect(await verifyLedger(ledger.sql)).toEqual([])
  const found = await one(ledger.sql`
    select (select count(*)::integer from user_references) as references,
           (select count(*)::integer from users where balance < 0) as overdrawn,
           (select array_agg(distinct o.status order by o.status) from holds o) as statuses,
           (select count(*) > 0 from holds o where o.status = 'active' and o.expires_at < now())
             as "haveExpired",
           exists (select from payment_history where reverses is not null) as reversals,
           exists (select from users where frozen_at is not null) as frozen,
           exists (select from users where credit_limit > 0) as limits,
           (select count(*)::integer from pending_entries) as pending`)
  expect(found).toEqual({
    references: 60,
    overdrawn: 0,
    statuses: '{active,captured,released}',
    haveExpired: true,
    reversals: true,
    frozen: true,
    limits: true,
    pending: 1,
  })
  expect(
    await one(ledger.sql`
    select (select count(distinct h.sealed_at::date) > 50 from payment_history h) as "hasDays",
           (select max(age(h.sealed_at)) > '56 days' from payment_history h) as "isOld",
           (select max(age(h.sealed_at)) > '50 days' from payment_history h
             where h.peer_user_id is not null) as "haveOldTransfers",
           (select max(age(c.at)) > '50 days' from hold_changes c
             where c.action = 'placed') as "areOldHolds",
           (select array_agg(distinct c.action order by c.action) from hold_changes c
             where c.at < now() - interval '30 days') as ends,
           (select count(*)::integer from payment_history h
              join payment_history n on n.user_id = h.user_id and n.seq = h.seq + 1
             where n.sealed_at <= h.sealed_at or n.id <= h.id) as "outOfOrder",
           (select count(*)::integer from payment_history h
              join payment_history p on p.user_id = h.peer_user_id and p.seq = h.peer_seq
             where p.sealed_at <> h.sealed_at) as "apart",
           (select count(*)::integer from users u where u.updated_at < u.created_at
               or u.created_at > (select min(h.sealed_at) from payment_history h
                                   where h.user_id = u.id)) as "tooYoung"`),
  ).toEqual({
    hasDays: true,
    isOld: true,
    haveOldTransfers: true,
    areOldHolds: true,
    ends: '{captured,placed,released}',
    outOfOrder: 0,
    apart: 0,
    tooYoung: 0,
  })
  // What is available of a past moment is what was left then of holds of that time.
  expect(
    await one(ledger.sql`
    select count(*)::integer as wrong from payment_history h
     where h.seq is not null and h.sealed_at < now() - interval '1 day'
       and h.held <> (
         select coalesce(sum(l.remaining), 0) from (
           select distinct on (c.hold) c.remaining from hold_changes c
            where c.user_id = h.user_id and c.position < h.id
            order by c.hold, c.number desc) l)`),
  ).toEqual({ wrong: 0 })
})

test('npm run seed adds nothing to a ledger in use, and with --add users of their own', async () => {
  const user = await ledger.user(5)
  const before = await stateOf(ledger.sql, user)
  const count = async () => (await one(ledger.sql`select count(*) as n from users`))['n']
  const users = await count()
  expect((await seed(ledger.url, '--users', '2'))[0]).toBe(2)
  const add = () => seed(ledger.url, '--users', '2', '--months', '1', '--add', '--seed', '2')
  expect((await add())[0]).toBe(0)
  expect(await count()).toBe(String(Number(users) + 2))
  const [code, line] = await add()
  expect([code, line]).toEqual([2, expect.stringContaining('seed-2-0001')])
  expect(await count()).toBe(String(Number(users) + 2))
  expect(await stateOf(ledger.sql, user)).toEqual(before)
  expect(await verifyLedger(ledger.sql)).toEqual([])
})

test('npm run seed makes the same history of the same seed', async () => {
  const databases = [await createDatabase(), await createDatabase()]
  try {
    const histories = []
    for (const database of databases) {
      const args = ['--users', '6', '--months', '1', '--seed', '7']
      expect((await seed(database.url, ...args))[0]).toBe(0)
      histories.push([...await historiesOf(database)])
    }
    expect(histories[0]!.length).toBeGreaterThan(30)
    expect(histories[0]).toEqual(histories[1])
  } finally {
    for (const database of databases) await database.drop()
  }
  expect(roundOf(1, 0, ['1', '2'])).not.toEqual(roundOf(2, 0, ['1', '2']))
})

test.each(sample('bad options', [
  ['--users', '1'],
  ['--users', '10001'],
  ['--months', '0'],
  ['--seed', '-1'],
]))('npm run seed names %s when it is %s', async (option, value) => {
  const [code, line] = await seed(ledger.url, `${option}=${value}`)
  expect([code, line]).toEqual([2, expect.stringContaining(`${option} `)])
})

test('npm run seed needs the owner, and a past that no anchor has', async () => {
  const users = () => one(ledger.sql`select count(*) as n from users`)
  const before = await users()
  const add = ['--users', '2', '--months', '1', '--add', '--seed', '3']
  expect((await seed(`${ledger.url}?options=-c%20role%3Dledger_dba`, ...add))[0]).toBe(2)
  await ledger.sql`select ledger.add_anchor('', 1, clock_timestamp(), 'a line')`
  expect((await seed(ledger.url, ...add))[0]).toBe(2)
  expect(await users()).toEqual(before)
})
