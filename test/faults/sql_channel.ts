/** Writes as people make them: the functions for them, and manual entries, on a connection each. */
import postgres from 'postgres'
import { pause } from './pause.ts'
import {
  type Answer,
  decimal,
  entryRow,
  EXPIRES_IN,
  PLAIN_ROWS,
  type Record,
  type Row,
  UNKEYED,
  type Write,
} from './record.ts'

/** People have patience; but a connection that never answers is given up. */
const PATIENCE_MS = 6_000

/** Nothing was done: a rule of the ledger, or a failure that rolls the statement back. */
const REFUSED = /^(LG...|22023|40001|40P01|55P03|57014|53100|53200|25006)$/
/** It was not even sent. */
const NOT_SENT = ['ECONNREFUSED', 'CONNECT_TIMEOUT', '53300', '57P03']
/** The connection went away in the middle. */
const LOST = /^(CONNECTION_(CLOSED|DESTROYED|ENDED)|ECONNRESET|EPIPE|57P01|57P02|PATIENCE)$/

export interface SqlChannel {
  record: Record
  perform(write: Write): Promise<Answer>
  /** A manual entry and a debit, both or neither. */
  together(insert: Write, debit: Write): Promise<Answer[]>
  /** Several debits in one call, each with an answer of its own. */
  debits(writes: Write[]): Promise<Answer[]>
  close(): Promise<void>
}

interface SqlRow extends Row {
  replayed: boolean
}

/** A person with one connection; a new one after each failure of it. */
export function createSqlChannel(url: string, record: Record): SqlChannel {
  let sql = connect(url)
  const idOf = (user: number) => record.ids[user]!

  async function attempt<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T | Answer> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const patience = new Promise<never>((_, reject) => {
      const error = Object.assign(new Error('no patience'), { code: 'PATIENCE' })
      timer = setTimeout(() => reject(error), PATIENCE_MS)
    })
    const working = work(sql)
    working.catch(() => {})
    try {
      return await Promise.race([working, patience])
    } catch (error) {
      const { code = String(error) } = error as { code?: string }
      if (REFUSED.test(code)) return { end: 'refused', code }
      void sql.end({ timeout: 0 }).catch(() => {})
      sql = connect(url)
      await pause(20)
      if (NOT_SENT.includes(code)) return { end: 'refused', code }
      if (!LOST.test(code)) record.violations.add(`SQL failed with ${code}`)
      return { end: 'unknown', why: code }
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    record,
    async perform(write) {
      const got = await attempt((sql) => rowsOf(sql, write, record.ids))
      if (!Array.isArray(got)) return got
      return done(write, got)
    },
    async together(insert, debit) {
      const got = await attempt(async (sql) => {
        // One message, so one transaction, which a lost connection can't cut in two.
        const text = `insert into payment_history (user_id, action, amount, metadata)
            values (${idOf(insert.user)}, 'CREDIT', ${decimal(insert.amount)},
              '{"key": "${insert.key}"}');
          select * from debit_user(${idOf(debit.user)}, ${decimal(debit.amount)}, '${debit.key}')`
        const results = await sql.unsafe(text).simple() as unknown as SqlRow[][]
        return results.at(-1)!
      })
      if (!Array.isArray(got)) return [got, got]
      return [done(insert, []), done(debit, got)]
    },
    async debits(writes) {
      const list = (values: unknown[]) => `{${values.join(',')}}`
      const got = await attempt(async (sql) => [
        ...await sql<SqlRow[]>`select * from debit_users(
          ${list(writes.map(({ user }) => idOf(user)))}::bigint[],
          ${list(writes.map(({ amount }) => decimal(amount)))}::numeric[],
          ${list(writes.map(({ key }) => key))}::text[])`,
      ])
      if (!Array.isArray(got)) return writes.map(() => got)
      if (got.length !== writes.length) throw new Error('debit_users: wrong number of rows')
      return writes.map((write, i): Answer => {
        const code = got[i]!.status
        return code === 'ok' ? done(write, [got[i]!]) : { end: 'refused', code }
      })
    },
    close: () => sql.end({ timeout: 0 }),
  }
}

function connect(url: string): postgres.Sql {
  const options = {
    max: 1,
    fetch_types: false,
    connect_timeout: 2,
    backoff: false,
    onnotice: () => {},
  }
  return postgres(url, options as unknown as postgres.Options<{}>)
}

function done({ kind }: Write, rows: SqlRow[]): Answer {
  const replayed = UNKEYED.includes(kind) ? rows.length === 0 : rows[0]?.replayed === true
  const plain = PLAIN_ROWS[kind]
  if (plain) return { end: 'done', replayed, rows: rows.map(plain), seqs: [] }
  if (kind === 'insert') return { end: 'done', replayed, rows: [], seqs: [] }
  return {
    end: 'done',
    replayed,
    rows: rows.map((row) => entryRow(row, row)),
    seqs: rows.map((row) => Number(row.seq)),
  }
}

async function rowsOf(sql: postgres.Sql, write: Write, ids: number[]): Promise<SqlRow[]> {
  const { kind, key, hold } = write
  const id = ids[write.user]!
  const amount = decimal(write.amount)
  switch (kind) {
    case 'debit':
      return await sql<SqlRow[]>`select * from debit_user(${id}, ${amount}, ${key})`
    case 'credit':
      return await sql<SqlRow[]>`select * from credit_user(${id}, ${amount}, ${key})`
    case 'transfer':
      return await sql<
        SqlRow[]
      >`select * from transfer(${id}, ${ids[write.to]!}, ${amount}, ${key})`
    case 'hold':
      return await sql<SqlRow[]>`
        select * from place_hold(${id}, ${amount}, ${
        write.expires ? EXPIRES_IN.hold : null
      }::numeric, ${key})`
    case 'capture':
      return await sql<SqlRow[]>`select * from capture_hold(${id}, ${hold},
        nullif(${amount}::numeric, 0), ${key}, final => ${write.final})`
    case 'extend':
      return await sql<SqlRow[]>`select * from extend_hold(${id}, ${hold},
        ${write.expires ? EXPIRES_IN.extend : null}::numeric, ${key})`
    case 'release':
      return await sql<SqlRow[]>`select * from release_hold(${id}, ${hold}, ${key})`
    case 'reverse':
      return await sql<SqlRow[]>`select * from reverse_entry(${id}, ${write.seq}, ${key},
        amount => ${amount})`
    case 'freeze':
    case 'thaw':
    case 'limit':
      return await control(sql, write, id)
    case 'insert':
      return await sql<SqlRow[]>`
        insert into payment_history (user_id, action, amount, metadata)
        select ${id}, 'CREDIT', ${amount}::numeric, jsonb_build_object('key', ${key}::text)
         where not exists (select from payment_history h
                            where h.user_id = ${id} and h.metadata->>'key' = ${key})
        returning id`
  }
}

/** The reason has the key. No rows: it is there already. */
async function control(sql: postgres.Sql, write: Write, id: number): Promise<SqlRow[]> {
  const { kind, key, amount } = write
  const there = await sql`
    select from user_controls k where k.user_id = ${id} and k.reason = ${key}`
  if (there.length > 0) return []
  if (kind === 'limit') {
    return await sql<SqlRow[]>`select * from set_credit_limit(${id}, ${decimal(amount)}, ${key})`
  }
  return kind === 'freeze'
    ? await sql<SqlRow[]>`select * from freeze_user(${id}, ${key})`
    : await sql<SqlRow[]>`select * from thaw_user(${id}, ${key})`
}
