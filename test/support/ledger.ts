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

/**
 * To be called at the top of a test file.
 * @example
 * const ledger = useLedger()
 * test('…', async () => {
 *   const id = await ledger.user('100.00')
 *   const [entry] = await ledger.sql`select * from debit_user(${id}, 30)`
 * })
 */
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

/** The SQLSTATE with which it failed, or ok. Throws once its connection has been ended. */
export async function codeOf(work: PromiseLike<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (error) {
    const code = (error as { code?: string }).code ?? String(error)
    // It comes at once: who repeats until a test is done, which has failed, would never wait again,
    // and so keep everything else from this thread.
    if (code === 'CONNECTION_ENDED') throw error
    return code
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

/** `balance, available, seq and version` of a user: `5.00, 4.00 at 2, version 3`. */
export async function snapshotOf(sql: postgres.Sql, id: number): Promise<string> {
  const { snapshot } = await one(sql<{ snapshot: string }[]>`
    select format('%s, %s at %s, version %s', balance, available, seq, version) as snapshot
      from ledger.get_users(array[${id}::bigint])`)
  return snapshot
}
