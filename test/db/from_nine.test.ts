/** A ledger of the nine migrations before the baseline is copied into a new database as it is. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { createDatabase } from '../support/database.ts'
import { codeOf } from '../support/ledger.ts'
import { PROJECT, runTypeScript } from '../support/run_typescript.ts'

let admin: postgres.Sql
let oldUrl: string
let newUrl: string
let old: postgres.Sql
let sql: postgres.Sql
const names: string[] = []

function nameOf(): string {
  names.push(`nine_${randomBytes(8).toString('hex')}`)
  return new URL(`/${names.at(-1)!}`, inject('databaseUrl')).href
}

const copy = async (from: string, to: string): Promise<[number, string]> => {
  const run = runTypeScript('db/migrate.ts', ['--from-nine', from], { DATABASE_URL: to })
  return [await run.ended as number, run.output()]
}

beforeAll(async () => {
  admin = postgres(inject('databaseUrl'), { max: 1, onnotice: () => {} })
  oldUrl = nameOf()
  newUrl = nameOf()
  await admin.unsafe(`create database ${names[0]!}`)
  old = postgres(oldUrl, { max: 1, fetch_types: false })
  await old.unsafe(await readFile(`${PROJECT}/test/db/nine/ledger.sql`, 'utf8'))
  sql = postgres(newUrl, { max: 1, fetch_types: false })
})
afterAll(async () => {
  await Promise.all([old.end(), sql.end()])
  for (const name of names) await admin`drop database if exists ${admin(name)} with (force)`
  await admin.end()
})

test('npm run migrate refuses such a database, and says how to copy it', async () => {
  await expect(migrate(oldUrl)).rejects.toThrow(/--from-nine/)
  const other = await createDatabase()
  const [code, output] = await copy(other.url, nameOf())
  expect([code, output]).toEqual([1, expect.stringMatching(/all of the nine migrations/)])
  await other.drop()
})

test('every row is copied as it is, and the copy proves itself', async () => {
  const [code, output] = await copy(oldUrl, newUrl)
  expect([code, output]).toEqual([0, expect.stringContaining('Copied: 10 payment_history')])
  const columns: Record<string, string> = {
    users: 'id, balance, seq, hold_changes, created_at, updated_at',
    payment_history: 'id, user_id, action, amount, ts, seq, balance, sealed_at, idempotency_key, ' +
      'metadata::text, held, hold, reverses, peer_user_id, peer_seq, hash',
    holds: 'user_id, hold, amount, status, expires_at, hash',
    interventions: 'id, at, role, operation, reason, user_id, seq, before::text',
  }
  for (const [table, list] of Object.entries(columns)) {
    const query = `select ${list} from ${table} order by 1, 2`
    const rows = await old.unsafe(query)
    expect(rows.length).toBeGreaterThan(0)
    expect([...await sql.unsafe(query)]).toEqual([...rows])
  }
  // Row 10 has been pending since the database was written down.
  expect((await sql`select finding from verify_ledger()`).map((row) => row['finding']))
    .toEqual(['pending_too_long', 'intervention'])
  // Such a transaction may have its number here by now, and must not break the glass.
  expect(await sql`select from interventions where transaction = '1248634'`).toHaveLength(0)
  expect(await sql`select from hold_changes where position is null or position <= 10`)
    .toHaveLength(0)
  const changes = await sql<{ line: string }[]>`
    select concat_ws(' ', hold, number, action, amount, remaining, seq, balance, available,
             idempotency_key) as line
      from hold_changes order by hold, number`
  expect(changes.map(({ line }) => line)).toEqual([
    '1 1 placed 5.00 5.00 63.50 h1',
    '2 1 placed 6.00 6.00 57.50',
    '2 2 captured 4.00 0.00 5',
    '3 1 placed 7.00 7.00 50.50 h3',
    '3 2 released 7.00 0.00 5 64.50 59.50 rel',
  ])
})

test('a second copy is refused, and changes nothing', async () => {
  const [code, output] = await copy(oldUrl, newUrl)
  expect([code, output]).toEqual([1, expect.stringMatching(/no users and no entries/)])
  expect(await sql`select from payment_history`).toHaveLength(10)
})

test('keys of the copy replay, and one for something else is refused', async () => {
  expect(
    await sql`select seq, replayed from debit_user(2, 10.50, 'd1', ${'{"n": "é"}'}::text::jsonb)`,
  )
    .toEqual([{ seq: '2', replayed: true }])
  expect(await sql`select seq, replayed from transfer(2, 3, 20, 't1')`)
    .toEqual([{ seq: '4', replayed: true }, { seq: '1', replayed: true }])
  expect(await sql`select seq, replayed from capture_hold(2, 2, 4, 'cap')`)
    .toEqual([{ seq: '5', replayed: true }])
  expect(await codeOf(sql`select debit_user(2, 10.51, 'd1')`)).toBe('LGKEY')
  expect(await codeOf(sql`select reverse_entry(2, 3)`)).toBe('LGREV')
})

test('the copy goes on: pending entries are posted, ids are new, and the chain is whole', async () => {
  expect(await sql`select balance, seq from recalculate_balance(100)`)
    .toEqual([{ balance: '8.75', seq: '3' }])
  expect(await sql`select seq, balance from debit_user(2, 1)`)
    .toEqual([{ seq: '7', balance: '64.50' }])
  const [user] = await sql<{ id: string }[]>`select id from create_user()`
  expect(Number(user!.id)).toBeGreaterThan(100)
  expect((await sql`select finding from verify_ledger()`).map((row) => row['finding']))
    .toEqual(['intervention'])
})
