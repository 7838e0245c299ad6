import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { connectTo, one } from '../../support/ledger.ts'
import { runTypeScript } from '../../support/run_typescript.ts'
import { verifyLedger } from '../../support/tampering.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
  await withSql((sql) => sql`select create_user(), credit_user(1, 5)`)
})
afterAll(() => database.drop())

async function withSql<T>(work: (sql: ReturnType<typeof connectTo>) => PromiseLike<T>) {
  const sql = connectTo(database.url)
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

async function reset(url: string, ...args: string[]): Promise<[number | string, string]> {
  const run = runTypeScript('db/desk/reset.ts', args, { DATABASE_URL: url })
  return [await run.ended, run.output()]
}

const identity = () =>
  withSql((sql) =>
    one(sql`
      select ledger.ledger_id() as ledger, (select count(*)::integer from users) as users,
             (select count(*)::integer from payment_history) as entries`)
  )

test('npm run reset drops nothing unless it is told to, and says what it would drop', async () => {
  const before = await identity()
  expect(before).toMatchObject({ users: 2, entries: 1 })
  const { pathname } = new URL(database.url)
  const [code, output] = await reset(database.url)
  expect([code, output]).toEqual([2, expect.stringContaining(`database ${pathname.slice(1)} on`)])
  expect(await identity()).toEqual(before)
})

test('npm run reset drops nothing on another machine', async () => {
  const before = await identity()
  // Not loopback by its name, though it leads there.
  const elsewhere = new URL(database.url)
  elsewhere.hostname = '0.0.0.0'
  const [code, output] = await reset(elsewhere.href, '--yes')
  expect([code, output]).toEqual([2, expect.stringContaining('--remote')])
  expect(await identity()).toEqual(before)
})

test('npm run reset drops no database without a ledger', async () => {
  const [code, output] = await reset(inject('databaseUrl'), '--yes')
  expect([code, output]).toEqual([2, expect.stringContaining('has no ledger')])
})

test('npm run reset --yes makes another, empty ledger, whoever is connected', async () => {
  const before = await identity()
  const connected = connectTo(database.url)
  try {
    await connected`select 1`
    expect((await reset(database.url, '--yes'))[0]).toBe(0)
  } finally {
    await connected.end()
  }
  const after = await identity()
  expect(after).toEqual({
    ledger: expect.not.stringMatching(before['ledger']),
    users: 1,
    entries: 0,
  })
  expect(await withSql(verifyLedger)).toEqual([])
})
