import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type postgres from 'postgres'
import { createDatabase as connect, type Database } from '../../../src/database/database.ts'
import { createLedger, type Ledger } from '../../../src/ledger/functions.ts'
import { createReadiness } from '../../../src/ledger/readiness.ts'
import {
  readServiceRole,
  roleWarnings,
  SERVICE_FUNCTIONS,
} from '../../../src/ledger/service_role.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { connectTo } from '../../support/ledger.ts'

let database: TestDatabase
let admin: postgres.Sql
let ledger: Ledger
let name: string
let lines: [level: string, what: string, why: unknown][]

beforeAll(async () => {
  database = await createDatabase()
  admin = connectTo(database.url)
  name = new URL(database.url).pathname.slice(1)
  ledger = createLedger({ url: database.serviceUrl, batches: 1, waiting: 1, reading: 1 })
})
beforeEach(() => {
  lines = []
})
afterAll(async () => {
  await ledger.end()
  await admin.end()
  await database.drop()
})

function problemOf(of = ledger): Promise<string | undefined> {
  const say = (level: string) => (what: string, why?: unknown) =>
    void lines.push([level, what, why])
  const log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  return createReadiness({ ledger: of, log }).problem()
}

/** In this database alone: the role is everybody's. */
const set = (setting: string, role = 'ledger_service') =>
  admin.unsafe(`alter role ${role} in database ${name} ${setting}`)

test('the service is ready, and nothing is said, with the role that migrations make', async () => {
  expect(await problemOf()).toBeUndefined()
  expect(lines).toEqual([])
})

test('every function that the role may execute is looked at', async () => {
  const rows = await admin<{ name: string }[]>`
    select format('%s.%s', pronamespace::regnamespace, proname) as name
      from pg_proc p, aclexplode(proacl) a
     where a.grantee = 'ledger_service'::regrole order by 1`
  expect(rows.map((row) => row.name)).toEqual([...SERVICE_FUNCTIONS])
})

describe.each(
  [
    ['synchronous_commit', 'off', /disk/],
    ['synchronous_commit', "'False'", /disk/],
    ['default_transaction_read_only', 'on', /only reads/],
    ['default_transaction_read_only', "'TR'", /only reads/],
  ] as const,
)('the role with %s = %s', (setting, value, detail) => {
  const statement = `set ${setting} = ${value}`
  const undo = `reset ${setting}`

  test('is not ready, in connections from before, too, until that is undone', async () => {
    await set(statement)
    expect(await problemOf()).toMatch(detail)
    expect(lines).toEqual([['error', 'not ready', expect.stringMatching(/alter role ledger_serv/)]])
    await set(undo)
    expect(await problemOf()).toBeUndefined()
  })

  test('may have changed that itself', async () => {
    const itself = connectTo(database.serviceUrl)
    await itself.unsafe(`alter role ledger_service in database ${name} ${statement}`)
    await itself.end()
    expect(await problemOf()).toMatch(detail)
    await set(undo)
  })
})

test('a setting of all roles counts, and one of the role itself before it', async () => {
  await admin.unsafe(`alter database ${name} set synchronous_commit = off`)
  expect(await problemOf()).toMatch(/disk/)
  await set('set synchronous_commit = on')
  expect(await problemOf()).toBeUndefined()
  await set('reset synchronous_commit')
  await admin.unsafe(`alter database ${name} reset synchronous_commit`)
})

test.each(['function ledger.post', 'function create_user', 'function ledger.has_migration'])(
  'a role without EXECUTE on %s is not ready, and the log says what it lacks',
  async (object) => {
    await admin.unsafe(`revoke execute on ${object} from ledger_service`)
    expect(await problemOf()).toMatch(/npm run migrate/)
    expect(lines).toEqual([[
      'error',
      'not ready',
      expect.stringContaining(object.slice('function '.length)),
    ]])
    await admin.unsafe(`grant execute on ${object} to ledger_service`)
    expect(await problemOf()).toBeUndefined()
  },
)

test('a role without USAGE on the schema is not ready', async () => {
  await admin`revoke usage on schema ledger from ledger_service`
  expect(await problemOf()).toMatch(/npm run migrate/)
  await admin`grant usage on schema ledger to ledger_service`
})

test('a role that may do more, or that carries no limits, is ready with a warning, once', async () => {
  const owners = createLedger({ url: database.url, batches: 1, waiting: 1, reading: 1 })
  const say = (_: string, why?: unknown) => void lines.push(['warn', '', why])
  const log = { debug: say, info: say, warn: say, error: say }
  const readiness = createReadiness({ ledger: owners, log })
  expect([await readiness.problem(), await readiness.problem()]).toEqual([undefined, undefined])
  expect(lines.map(([, , why]) => why)).toEqual([
    expect.stringMatching(/SUPERUSER/),
    expect.stringMatching(/statement_timeout/),
  ])
  await owners.end()
})

describe('a time limit of 0', () => {
  let pool: Database
  beforeAll(() => {
    pool = connect({ url: database.serviceUrl, max: 1 })
  })
  afterAll(() => pool.end())

  test.each([
    ['statement_timeout', '0'],
    ['lock_timeout', '0ms'],
    ['client_connection_check_interval', '0 s'],
  ])(
    'is none: %s = %s',
    async (limit, none) => {
      await set(`set ${limit} = '${none}'`)
      expect(roleWarnings(await readServiceRole(pool))).toEqual([expect.stringContaining(limit)])
      await set(`reset ${limit}`)
      expect(roleWarnings(await readServiceRole(pool))).toEqual([])
    },
  )
})
