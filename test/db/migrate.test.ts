import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { SCHEMA_VERSION } from '../../src/ledger/schema_version.ts'
import { runTypeScript } from '../support/run_typescript.ts'

let admin: postgres.Sql
let folder: string
const names: string[] = []

beforeAll(async () => {
  admin = postgres(inject('databaseUrl'), { max: 1, onnotice: () => {} })
  folder = await mkdtemp(join(tmpdir(), 'ledger-migrations-'))
})
afterEach(async () => {
  for (const name of names.splice(0)) {
    await admin`drop database if exists ${admin(name)} with (force)`
  }
})
afterAll(async () => {
  await admin.end()
  await rm(folder, { recursive: true, force: true })
})

test('the service asks for the newest migration', async () => {
  const versions = (await readdir('db/migrations')).map((file) => /^\d+/.exec(file)![0])
  expect(versions.toSorted().at(-1)).toBe(SCHEMA_VERSION)
})

/** The URL of a database that doesn't exist yet. */
function newUrl(): string {
  const name = `migrate_${randomBytes(8).toString('hex')}`
  names.push(name)
  return new URL(`/${name}`, inject('databaseUrl')).href
}

async function migrations(files: Record<string, string>): Promise<string> {
  const path = join(folder, randomBytes(4).toString('hex'))
  await mkdir(path)
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(path, name), `-- migrate:up\n${text}\n-- migrate:down\n`)
  }
  return path
}

async function query(url: string, text: string): Promise<unknown[][]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await sql.unsafe(text).values()
  } finally {
    await sql.end()
  }
}

test('migrate() makes the database, and another time does nothing', async () => {
  const url = newUrl()
  const lines: string[] = []
  await migrate(url, (line) => lines.push(line))
  expect(lines).not.toEqual([])
  expect(await query(url, `select to_regclass('payment_history') is not null`)).toEqual([[true]])
  const again: string[] = []
  await migrate(url, (line) => again.push(line))
  expect(again).toEqual([])
})

test('three migrate() at once all succeed, and each migration runs once', async () => {
  const url = newUrl()
  const path = await migrations({
    '1_slow.sql': 'select pg_sleep(0.3); create table log (x int); insert into log values (1);',
    '2_next.sql': 'insert into log values (2);',
  })
  await Promise.all([1, 2, 3].map(() => migrate(url, undefined, path)))
  expect(await query(url, 'select x from log order by x')).toEqual([[1], [2]])
})

test('migrate() lets a migration build an index concurrently while another waits', async () => {
  const url = newUrl()
  const path = await migrations({ '1_table.sql': 'create table log (x int);' })
  await writeFile(
    join(path, '2_index.sql'),
    '-- migrate:up transaction:false\ncreate index concurrently log_x_idx on log (x);\n-- migrate:down\n',
  )
  await Promise.all([1, 2].map(() => migrate(url, undefined, path)))
  expect(
    await query(url, `select indisvalid from pg_index where indexrelid = 'log_x_idx'::regclass`),
  )
    .toEqual([[true]])
})

test('a broken migration is named and leaves nothing of itself', async () => {
  const url = newUrl()
  const path = await migrations({
    '1_good.sql': 'create table good (x int);',
    '2_broken.sql': 'create table half (x int);\nselect no_such_function();',
    '3_later.sql': 'create table later (x int);',
  })
  const lines: string[] = []
  await expect(migrate(url, (line) => lines.push(line), path)).rejects.toThrow(
    /^2_broken\.sql failed .*no_such_function/,
  )
  expect(lines).toEqual([])
  expect(await query(url, `select to_regclass('good')::text, to_regclass('half')::text`))
    .toEqual([['good', null]])
  expect(await query(url, 'select version from schema_migrations')).toEqual([['1']])
  // The lock is free again.
  await migrate(url, undefined, await migrations({ '1_good.sql': '' }))
})

test('no error of migrate() is longer than a line or shows the password', async () => {
  const refused = 'postgres://u:sec%2Fret@127.0.0.1:1/x'
  const wrong = new URL(inject('databaseUrl'))
  wrong.password = 'sec%2Fret'
  for (const url of [refused, wrong.href]) {
    const { message } = await migrate(url).then(() => new Error('none'), (error: Error) => error)
    expect(message).toMatch(/^can't use DATABASE_URL: .+$/)
    expect(message).not.toMatch(/sec(%2F|\/)ret/)
  }
})

test('npm run migrate does the same whatever dbmate and its driver would find by themselves', async () => {
  const url = newUrl()
  const before = process.cwd()
  await writeFile(
    join(folder, '.env'),
    'DBMATE_MIGRATIONS_TABLE=elsewhere\nnothing dbmate can read',
  )
  const foreign = {
    DBMATE_MIGRATIONS_TABLE: 'elsewhere',
    DBMATE_MIGRATIONS_DIR: folder,
    DBMATE_STRICT: 'true',
    DBMATE_WAIT: 'true',
    PGOPTIONS: '-c search_path=pg_catalog',
    PGCLIENTENCODING: 'LATIN1',
    PGSERVICE: 'nowhere',
  }
  onTestFinished(() => {
    process.chdir(before)
    for (const name of Object.keys(foreign)) delete process.env[name]
  })
  process.chdir(folder)
  Object.assign(process.env, foreign)
  await migrate(url)
  expect(await query(url, `select to_regclass('public.schema_migrations') is not null`))
    .toEqual([[true]])
})

test('npm run migrate works from the environment', async () => {
  const run = runTypeScript('db/migrate.ts', [], { DATABASE_URL: newUrl() })
  expect([await run.ended, run.output()]).toEqual([0, expect.stringMatching(/^Applied: /)])
})

test('npm run migrate takes the owner’s URL, where there is one, and not the service’s', async () => {
  const service = new URL(inject('databaseUrl'))
  service.username = 'ledger_service'
  service.password = 'wrong'
  const run = runTypeScript('db/migrate.ts', [], {
    DATABASE_URL: service.href,
    MIGRATE_DATABASE_URL: newUrl(),
  })
  expect([await run.ended, run.output()]).toEqual([0, expect.stringMatching(/^Applied: /)])
})

test.each(['', 'http://127.0.0.1', 'postgres'])(
  'npm run migrate with DATABASE_URL=%s ends with one line that names it',
  async (url) => {
    const run = runTypeScript('db/migrate.ts', [], { DATABASE_URL: url })
    expect([await run.ended, run.output()]).toEqual([
      1,
      expect.stringMatching(/^DATABASE_URL .+\n$/),
    ])
  },
)

test('whoever may become the owner migrates in the owner’s name', async () => {
  const url = newUrl()
  await migrate(url)
  const owner = `the owner ${randomBytes(4).toString('hex')}`
  await admin`create role ${admin(owner)}`
  // After its database is gone.
  onTestFinished(async () => {
    await admin`drop role ${admin(owner)}`
  })
  await query(
    url,
    `alter table payment_history owner to "${owner}";
    alter table schema_migrations owner to "${owner}"; grant create on schema public to "${owner}"`,
  )
  const path = await migrations({ '99991231000000_make_it.sql': 'create table mine ();' })
  await cp('db/migrations', path, { recursive: true })
  await migrate(url, () => {}, path)
  expect(await query(url, "select tableowner from pg_tables where tablename = 'mine'"))
    .toEqual([[owner]])
})
