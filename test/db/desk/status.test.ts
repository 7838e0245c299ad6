import { readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { startRedisRest } from '../../../dev/redis_rest.ts'
import { inUnits } from '../../../db/desk/sizes.ts'
import { createDatabase } from '../../support/database.ts'
import { connectTo, useLedger } from '../../support/ledger.ts'
import { runTypeScript } from '../../support/run_typescript.ts'

const ledger = useLedger()

interface Status {
  ok: boolean
  problems: string[]
  role: object
  schema: { version: string | null; pending: string[]; unknown: string[] }
  contents: object | null
  sizes: {
    database_bytes: number
    tables: { name: string; rows: number; table_bytes: number; index_bytes: number }[]
    growth: { entries_a_day: number; bytes_a_day: number; entries: number } | null
  } | null
  verification: object | null
  redis: string
}

async function status(
  url: string,
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<[number | string, Status]> {
  const run = runTypeScript('db/desk/status.ts', ['--json', ...args], { DATABASE_URL: url, ...env })
  const code = await run.ended
  return [code, JSON.parse(run.output()) as Status]
}

test('npm run status says what is in a ledger, and that nothing is wrong', async () => {
  const user = await ledger.user(10)
  await ledger.sql`select place_hold(${user}, 4)`
  await ledger.sql`
    insert into payment_history (user_id, action, amount) values (${user}, 'CREDIT', 1)`
  // As the role that it needs, which may not read everything.
  const [code, found] = await status(`${ledger.url}?options=-c%20role%3Dledger_dba`)
  expect([code, found]).toMatchObject([0, {
    ok: true,
    role: { name: 'ledger_dba' },
    schema: { pending: [], unknown: [] },
    contents: {
      users: 2,
      entries: 1,
      pending: { entries: 1 },
      active_holds: { holds: 1, amount: '4.00' },
      anchor: null,
      guards: {},
    },
    verification: null,
    redis: 'not set',
  }])
})

test('npm run status says how large the tables are, and how many entries a day there were', async () => {
  const database = await createDatabase()
  const sql = connectTo(database.url)
  try {
    expect((await status(database.url))[1].sizes?.growth).toBeNull()
    await sql`select credit_user(1, 1), credit_user(1, 1)`
    const { database_bytes, tables, growth } = (await status(database.url))[1].sizes!
    const [history] = await sql<{ table_bytes: number; index_bytes: number }[]>`
      select pg_table_size(oid)::integer as table_bytes,
             pg_indexes_size(oid)::integer as index_bytes
        from pg_class where oid = 'payment_history'::regclass`
    expect(tables.find(({ name }) => name === 'payment_history')).toMatchObject({ ...history })
    const sizes = tables.map((table) => table.table_bytes + table.index_bytes)
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
    expect(database_bytes).toBeGreaterThan(sizes[0]!)
    // Of a history of less than a day.
    expect(growth).toMatchObject({ entries: 2, entries_a_day: 2 })
    expect(growth!.bytes_a_day).toBe(history!.table_bytes + history!.index_bytes)
  } finally {
    await sql.end()
    await database.drop()
  }
})

test.each([[0, '0 bytes'], [1023, '1023 bytes'], [1536, '1.5 KiB'], [104_857_600, '100 MiB'], [
  2 ** 50,
  '1024 TiB',
]])('%s bytes are %s', (bytes, text) => {
  expect(inUnits(bytes)).toBe(text)
})

test('npm run status ends with 1 where there is no ledger', async () => {
  expect(await status(inject('databaseUrl'))).toMatchObject([1, {
    ok: false,
    schema: {
      version: null,
      pending: readdirSync('db/migrations').map((file) => file.slice(0, 14)),
    },
    contents: null,
  }])
})

test('npm run status ends with 1 for a newer schema, a guard that is off, and an entry that stays pending', async () => {
  const user = await ledger.user()
  await ledger.sql`insert into schema_migrations values ('29990101000000')`
  await ledger.sql`alter table payment_history disable trigger guard_row`
  await ledger.sql`
    insert into payment_history (user_id, action, amount, ts)
    values (${user}, 'CREDIT', 1, now() - interval '2 days')`
  const [code, found] = await status(ledger.url)
  await ledger.sql`delete from schema_migrations where version = '29990101000000'`
  await ledger.sql`alter table payment_history enable always trigger guard_row`
  await ledger.sql`select recalculate_balance(${user})`
  expect(code).toBe(1)
  expect(found.problems).toHaveLength(3)
  expect(found).toMatchObject({
    schema: { unknown: ['29990101000000'] },
    contents: { guards: { guard_missing: 1 } },
  })
})

test('npm run status asks the Redis of the settings', async () => {
  const redis = await startRedisRest({})
  const settings = { UPSTASH_REDIS_REST_URL: redis.url, UPSTASH_REDIS_REST_TOKEN: redis.token }
  try {
    expect(await status(ledger.url, [], settings)).toMatchObject([0, { redis: 'ok' }])
    const wrong = { ...settings, UPSTASH_REDIS_REST_TOKEN: 'another' }
    expect((await status(ledger.url, [], wrong))[0]).toBe(1)
  } finally {
    await redis.close()
  }
})

test('npm run status tells of the last verification', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-status-'))
  const file = join(folder, 'ledger.prom')
  try {
    await writeFile(
      file,
      'ledger_verification_timestamp_seconds 1800000000\nledger_verification_findings 3\n',
    )
    expect(await status(ledger.url, ['--metrics', file]))
      .toMatchObject([1, { verification: { at: '2027-01-15T08:00:00.000Z', findings: 3 } }])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('npm run status ends with 2 where it can not look', async () => {
  for (const [url, args] of [['', []], [ledger.url, ['--metrics', '/nowhere']]] as const) {
    const run = runTypeScript('db/desk/status.ts', [...args], { DATABASE_URL: url })
    expect(await run.ended).toBe(2)
  }
})
