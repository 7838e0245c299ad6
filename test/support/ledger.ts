/** A ledger for a test file: a database of its own, and as many connections as it wants. */
import postgres from 'postgres'
import { afterAll, beforeAll, vi } from 'vitest'
import { createDatabase, type TestDatabase } from './database.ts'
import { isOnCitus } from './on_citus.ts'

export type Role = 'ledger_service' | 'ledger_dba'

/** Times as text, with all their digits. */
const types = {
  date: { to: 1184, from: [1082, 1114, 1184], serialize: String, parse: String },
}

/** One connection, on which begin and commit may be sent as they are. */
export function connectTo(url: string, role?: Role): postgres.Sql {
  const options = {
    max: 1,
    fetch_types: false,
    onnotice: () => {},
    types,
    connection: { TimeZone: 'UTC', ...(role && { options: `-c role=${role}` }) },
  }
  return postgres(url, options as unknown as postgres.Options<{}>)
}

export interface TestLedger {
  readonly url: string
  /** A shared connection as superuser. */
  readonly sql: postgres.Sql
  /** A connection of its own; closed with the test file. */
  connect(role?: Role): postgres.Sql
  /** A new user, with a credit of this amount as the only entry. */
  user(credit?: string | number): Promise<number>
}

/** To be called at the top of a test file. */
export function useLedger(): TestLedger {
  let database: TestDatabase
  let shared: postgres.Sql
  const open: postgres.Sql[] = []

  function connect(role?: Role): postgres.Sql {
    const sql = connectTo(database.url, role)
    open.push(sql)
    return sql
  }

  beforeAll(async () => {
    database = await createDatabase()
    shared = connect()
  })

  afterAll(async () => {
    await Promise.all(open.map((sql) => sql.end({ timeout: 0 })))
    await database.drop()
  })

  return {
    get url() {
      return database.url
    },
    get sql() {
      return shared
    },
    connect,
    user: (credit) => createUser(shared, credit),
  }
}

/** A new user, with a credit of this amount as the only entry. */
export async function createUser(sql: postgres.Sql, credit?: string | number): Promise<number> {
  const [row] = await sql<{ id: string }[]>`select id from create_user()`
  if (credit !== undefined) await sql`select credit_user(${row!.id}::bigint, ${credit}::numeric)`
  return Number(row!.id)
}

/** The SQLSTATE with which it failed, or ok. */
export async function codeOf(work: PromiseLike<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** The one row of a query. */
export async function one<T>(query: PromiseLike<readonly T[]>): Promise<T> {
  const rows = await query
  if (rows.length !== 1) throw new Error(`${rows.length} rows`)
  return rows[0]!
}

/** Everything that is written about users, to see whether something was. */
export async function stateOf(sql: postgres.Sql, ...ids: number[]): Promise<unknown> {
  return await sql`
    select to_jsonb(u) as user,
           (select jsonb_agg(h order by h.id) from payment_history h where h.user_id = u.id)
             as history,
           (select jsonb_agg(o order by o.hold) from holds o where o.user_id = u.id) as holds,
           (select jsonb_agg(c order by c.hold, c.number) from hold_changes c
             where c.user_id = u.id) as hold_changes
      from users u where u.id = any (${`{${ids.join(',')}}`}::bigint[]) order by u.id`
}

/** The history of a user in short, in order of seq: `+5.00=5.00`; pending rows last: `-1.00`. */
export async function historyOf(sql: postgres.Sql, id: number): Promise<string[]> {
  const rows = await sql<{ entry: string }[]>`
    select case action when 'CREDIT' then '+' else '-' end || amount || coalesce('=' || balance, '')
           as entry
      from payment_history h where h.user_id = ${id} order by h.seq, h.id`
  return rows.map(({ entry }) => entry)
}

/** The copies in the user's row: `5.00 at 1`. */
export async function copyOf(sql: postgres.Sql, id: number): Promise<string> {
  const row = await one(sql`select balance || ' at ' || seq as copy from users where id = ${id}`)
  return row['copy']
}

export async function pidOf(sql: postgres.Sql): Promise<number> {
  return (await one(sql`select pg_backend_pid() as pid`))['pid']
}

/** Which connections to this database wait for somebody's lock. */
export async function waitingPids(sql: postgres.Sql): Promise<number[]> {
  if (isOnCitus()) return await waitingOnCitus(sql)
  // Within a transaction it would go on seeing what it saw first.
  await sql`select pg_stat_clear_snapshot()`
  const rows = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'`
  return rows.map(({ pid }) => pid)
}

/** Connections to the coordinator, for which one to any server waits. */
async function waitingOnCitus(sql: postgres.Sql): Promise<number[]> {
  const rows = await sql<{ pid: number }[]>`
    select distinct (global_pid % 10000000000)::integer as pid from citus_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'`
  return rows.map(({ pid }) => pid)
}

async function isBlocked(sql: postgres.Sql, pid: number): Promise<boolean> {
  if (isOnCitus()) return (await waitingOnCitus(sql)).includes(pid)
  return (await one(sql`select pg_blocking_pids(${pid}) <> '{}' as blocked`))['blocked']
}

/** Resolves once the connection with this pid waits for somebody's lock. */
export async function untilBlocked(sql: postgres.Sql, pid: number): Promise<void> {
  await vi.waitUntil(() => isBlocked(sql, pid), { interval: 5 })
}

/**
 * Resolves with true once the connection waits for a lock, with false if the work is done before.
 */
export async function blocks(
  sql: postgres.Sql,
  pid: number,
  work: Promise<unknown>,
): Promise<boolean> {
  let done = false
  const finish = () => done = true
  work.then(finish, finish)
  return await vi.waitUntil(
    async () => await isBlocked(sql, pid) ? 'blocked' : done && 'done',
    { interval: 5 },
  ) === 'blocked'
}

/** Starts the query; postgres.js sends it only then. */
export const start = <T>(query: PromiseLike<T>): Promise<T> => {
  const started = Promise.resolve(query)
  started.catch(() => {})
  return started
}

/** Repeats what failed to serialize, as a caller under a stricter isolation level must. */
export async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work()
    } catch (error) {
      const { code } = error as { code?: string }
      if ((code !== '40001' && code !== '40P01') || attempt === 100) throw error
    }
  }
}

/** Lets a transaction disable triggers, for which Citus has to be asked. */
export const letTriggersChange = (): string =>
  isOnCitus() ? 'set local citus.enable_unsafe_triggers = on;' : ''

/** Makes the user's holds so many days older: those that expire within that time have. */
export async function ageHolds(sql: postgres.Sql, id: number, days = 1): Promise<void> {
  const age = `interval '${days} days'`
  // One message, so one transaction.
  await sql.unsafe(`
    ${letTriggersChange()}
    alter table hold_changes disable trigger guard_row;
    update hold_changes set at = at - ${age}, expires_at = expires_at - ${age}
     where user_id = ${id};
    update holds set expires_at = expires_at - ${age} where user_id = ${id};
    ${rehashHolds(id)};
    alter table hold_changes enable always trigger guard_row`)
}

/** A statement that gives the changes of a user's holds the hashes that they must have. */
export const rehashHolds = (id: number) => `
  do $$ declare c hold_changes; v_hash bytea; begin
    for c in select * from hold_changes where user_id = ${id} order by hold, number loop
      v_hash := ledger.hold_hash(case when c.number > 1 then v_hash end, c.user_id, c.hold,
        c.number, c.action, c.amount, c.remaining, c.expires_at, c.at, c.seq, c.balance,
        c.available, c.idempotency_key, c.metadata, c.position);
      update hold_changes set hash = v_hash
       where (user_id, hold, number) = (c.user_id, c.hold, c.number);
    end loop;
    update holds o set hash = l.hash from hold_changes l
     where o.user_id = ${id} and (l.user_id, l.hold, l.number) = (o.user_id, o.hold, o.changes);
  end $$`

/** `balance, available, seq and version` of a user: `5.00, 4.00 at 2, version 3`. */
export async function snapshotOf(sql: postgres.Sql, id: number): Promise<string> {
  const { snapshot } = await one(sql<{ snapshot: string }[]>`
    select format('%s, %s at %s, version %s', balance, available, seq, version) as snapshot
      from ledger.get_users(array[${id}::bigint])`)
  return snapshot
}

/** The columns that a hash covers, in order. */
const HASHED = `user_id seq action amount ts balance sealed_at idempotency_key metadata held hold
  reverses peer_user_id peer_seq`.split(/\s+/)

/** SQL: the hash that a row of payment_history must have after one with the hash `previous`. */
export const hashAfter = (previous: string, row: string, version: '' | '_1' = ''): string =>
  `ledger.entry_hash${version}(${previous}, ${
    HASHED.map((column) => `(${row}).${column}`).join(', ')
  })`

/** Seals a credit as only a superuser can: with any balance, at any time from now. */
export async function sealCredit(
  sql: postgres.Sql,
  id: number,
  { amount = '1', balance = amount, later = '0' }: {
    amount?: string
    balance?: string
    later?: string
  },
): Promise<void> {
  await sql`
    insert into payment_history
        (user_id, action, amount, ts, seq, balance, sealed_at, held, hash)
      select ${id}::bigint, 'CREDIT', ${amount}::numeric(12, 2), c.at, c.seq,
             ${balance}::numeric(20, 2), c.at, 0.00,
             ledger.entry_hash(c.hash, ${id}::bigint, c.seq, 'CREDIT', ${amount}::numeric(12, 2),
               c.at, ${balance}::numeric(20, 2), c.at, null, null, 0.00, null, null, null, null)
        from (select clock_timestamp() + ${later}::interval as at, coalesce(l.seq, 0) + 1 as seq,
                     l.hash
                from (select) one
                left join lateral (select h.seq, h.hash from payment_history h
                                    where h.user_id = ${id} and h.seq is not null
                                    order by h.seq desc limit 1) l on true) c`
}

/** Which rules the histories break, of one user or of all; none is good. */
export async function findingsOf(sql: postgres.Sql, userId?: number): Promise<string[]> {
  // Where users are on several servers, rows of all of them are brought together first.
  const copies = userId !== undefined || !isOnCitus() ? sql`` : sql`
    users as materialized (select * from public.users),
    payment_history as materialized (select * from public.payment_history),
    holds as materialized (select * from public.holds),
    hold_changes as materialized (select * from public.hold_changes),`
  const of = (column: string) => userId === undefined ? sql`true` : sql`${sql(column)} = ${userId}`
  const rows = await sql<{ finding: string }[]>`
    with ${copies} posted as (
      select h.*, row_number() over w as nth,
             sum(case h.action when 'CREDIT' then h.amount else -h.amount end) over w as total,
             lag(h.sealed_at) over w as sealed_before
        from payment_history h where h.seq is not null and ${of('h.user_id')}
      window w as (partition by h.user_id order by h.seq)
    ), findings as (
      select 'seq has a gap' as finding, s.user_id, s.seq from posted s where s.seq <> s.nth
      union all
      select 'balance is not the sum', s.user_id, s.seq from posted s where s.balance <> s.total
      union all
      select 'not posted after the entry before', s.user_id, s.seq
        from posted s where s.sealed_at <= s.sealed_before
      union all
      select 'key used twice', h.user_id, max(h.seq) from payment_history h
       where ${of('h.user_id')} and h.idempotency_key is not null
       group by h.user_id, h.idempotency_key
      having count(*) > 1
      union all
      select 'hash doesn''t follow', s.user_id, s.seq from (
        select p.user_id, p.seq,
               p.hash = ${sql.unsafe(hashAfter('lag(p.hash) over w', 'p'))} as follows
          from payment_history p
         where p.seq is not null and ${of('p.user_id')}
        window w as (partition by p.user_id order by p.seq)) s
       where s.follows is not true
      union all
      select 'reversal of another action', s.user_id, s.seq from posted s
       where s.reverses is not null and not exists (
         select from payment_history p
          where ${of('p.user_id')} and p.user_id = s.user_id and p.seq = s.reverses
            and p.action <> s.action and p.seq < s.seq)
      union all
      select 'reversed by more than it is', s.user_id, s.reverses from posted s
       where s.reverses is not null group by s.user_id, s.reverses
      having sum(s.amount) > (select p.amount from payment_history p
          where ${of('p.user_id')} and p.user_id = s.user_id and p.seq = s.reverses)
      union all
      select 'hold captured otherwise', s.user_id, s.seq from posted s
       where s.hold is not null and not exists (
         select from hold_changes c
          where ${of('c.user_id')} and c.user_id = s.user_id and c.hold = s.hold
            and c.action = 'captured' and c.seq = s.seq and c.amount = s.amount
            and s.action = 'DEBIT')
      union all
      select 'hold of which more is gone than it was', o.user_id, o.hold from holds o
       where ${of('o.user_id')}
         and (o.captured + o.remaining > o.amount or o.remaining < 0
           or o.captured <> (
             select coalesce(sum(s.amount), 0) from posted s
              where s.user_id = o.user_id and s.hold = o.hold))
      union all
      select 'users has another balance or seq', u.id, u.seq from users u
        left join (select distinct on (s.user_id) s.user_id, s.seq, s.balance from posted s
                    order by s.user_id, s.seq desc) l on l.user_id = u.id
       where ${of('u.id')}
         and (u.balance, u.seq) is distinct from (coalesce(l.balance, 0), coalesce(l.seq, 0))
    )
    select format('%s: %s/%s', f.finding, f.user_id, f.seq) as finding from findings f limit 20`
  return [...rows.map(({ finding }) => finding), ...await unmatchedOf(sql, userId)]
}

/** Entries that are half of a transfer whose other half isn't there. */
async function unmatchedOf(sql: postgres.Sql, userId: number | undefined): Promise<string[]> {
  const rows = await sql<{ finding: string }[]>`
    with halves as materialized (
      select h.* from payment_history h where h.peer_user_id is not null and h.seq is not null)
    select format('half of a transfer without the other: %s/%s', s.user_id, s.seq) as finding
      from halves s
     where ${userId === undefined ? sql`true` : sql`s.user_id = ${userId}`} and not exists (
       select from halves p where p.user_id = s.peer_user_id and p.seq = s.peer_seq
          and (p.peer_user_id, p.peer_seq, p.amount, p.sealed_at) =
              (s.user_id, s.seq, s.amount, s.sealed_at)
          and p.action <> s.action) limit 20`
  return rows.map(({ finding }) => finding)
}

/** Gives a user as many active holds as there may be, which together hold nothing. */
export async function placeMostHolds(sql: postgres.Sql, id: number): Promise<void> {
  await sql`
    insert into holds
        (user_id, hold, amount, status, expires_at, hash, remaining, captured, changes)
    select ${id}, 1000 + n, 1, 'active', 'infinity', '', 0, 0, 1
      from generate_series(1, 10000 - (
        select count(*) from holds where user_id = ${id} and status = 'active')) n`
  await sql`update users set hold_changes = 10001 where id = ${id}`
}
