import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readBlocks } from '../../db/function_blocks.ts'
import { newMigration } from '../../db/new_migration.ts'
import { createDatabase } from '../support/database.ts'
import { runDbmate } from '../support/dbmate.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/ledger-migrations-`)
  for (const part of ['functions', 'migrations']) {
    cpSync(`db/${part}`, `${folder}/${part}`, { recursive: true })
  }
})

afterEach(() => rmSync(folder, { recursive: true }))

const now = new Date('2030-01-02T03:04:05.678Z')

const make = (name: string, at = now) => newMigration({ name, folder, now: at })

const body = (comment: string, args = 'a bigint') =>
  `create or replace function double_it(${args})\n  returns bigint\n` +
  `  language sql as $$ select 2 * a -- ${comment}\n$$;\n`

const write = (name: string, text: string) =>
  writeFileSync(`${folder}/functions/engine/${name}.sql`, text)

const sections = (path: string) => {
  const [, up, down] = readFileSync(path, 'utf8').split(/^-- migrate:(?:up|down)$/m)
  return { up: up!.trim(), down: down!.trim() }
}

const block = (text: string) => `-- function: double_it\n${text}-- end function`

test('create_x freezes the file, and undoes it by dropping its function', () => {
  write('double_it', body('one'))
  const path = make('create_double_it')
  expect(path).toBe(`${folder}/migrations/20300102030405_create_double_it.sql`)
  expect(sections(path)).toEqual({
    up: block(body('one')),
    down: 'drop function double_it(a bigint);',
  })
})

test('replace_x undoes to the newest text in what earlier migrations apply', () => {
  write('double_it', body('one'))
  make('create_double_it')
  write('double_it', body('two'))
  make('replace_double_it', new Date('2030-01-02T03:04:06Z'))
  write('double_it', body('three'))
  const path = make('replace_double_it', new Date('2030-01-02T03:04:07Z'))
  expect(sections(path)).toEqual({ up: block(body('three')), down: block(body('two')) })
  expect(readBlocks(folder).get('double_it')).toBe(body('three').trim())
})

test('replace_x drops the old function when the arguments change', () => {
  write('double_it', body('one'))
  make('create_double_it')
  const args = `a bigint, note text default 'x, (y', sizes numeric(12,2)[] default array[1, 2]`
  write('double_it', body('two', args))
  const path = make('replace_double_it', new Date('2030-01-02T03:04:06Z'))
  expect(sections(path)).toEqual({
    up: `drop function double_it(a bigint);\n\n${block(body('two', args))}`,
    down: 'drop function double_it(a bigint, note text, sizes numeric(12, 2)[]);\n\n' +
      block(body('one')),
  })
})

test('replace_x drops the old function when the result changes', () => {
  write('double_it', body('one'))
  make('create_double_it')
  write('double_it', body('one').replace('returns bigint', 'returns numeric'))
  const path = make('replace_double_it', new Date('2030-01-02T03:04:06Z'))
  expect(sections(path).up).toMatch(/^drop function double_it\(a bigint\);\n\n-- function: /)
  expect(sections(path).down).toMatch(/^drop function double_it\(a bigint\);\n\n-- function: /)
})

test('every changed function goes into one migration, undone in the opposite order', () => {
  write('double_it', body('one'))
  write('halve_it', body('two').replaceAll('double_it', 'halve_it'))
  const { up, down } = sections(make('add_arithmetic'))
  const later = 'set local check_function_bodies = off;\n\n'
  expect(up.indexOf('-- function: double_it')).toBe(later.length)
  expect(up.startsWith(later)).toBe(true)
  expect(up.indexOf('-- function: halve_it')).toBeGreaterThan(later.length)
  expect(down).toBe(
    `${later}drop function halve_it(a bigint);\n\ndrop function double_it(a bigint);`,
  )
})

test('a function whose file is gone is dropped, and comes back when that is undone', () => {
  write('double_it', body('one'))
  make('create_double_it')
  rmSync(`${folder}/functions/engine/double_it.sql`)
  const path = make('drop_double_it', new Date('2030-01-02T03:04:06Z'))
  expect(sections(path)).toEqual({
    up: 'drop function double_it(a bigint);\n\n-- function: double_it\n\n-- end function',
    down: block(body('one')),
  })
  expect(readBlocks(folder).has('double_it')).toBe(false)
  expect(sections(make('add_currency', new Date('2030-01-02T03:04:07Z')))).toEqual({
    up: '',
    down: '',
  })
})

test('a function of schema ledger keeps its schema', () => {
  write('double_it', body('one').replace('function double_it', 'function ledger.double_it'))
  expect(sections(make('create_double_it')).down).toBe('drop function ledger.double_it(a bigint);')
})

test('a change of something else starts empty', () => {
  expect(sections(make('add_currency'))).toEqual({ up: '', down: '' })
})

test('the version is later than the newest, whatever the clock says', () => {
  make('add_currency', new Date('2030-12-31T23:59:59Z'))
  expect(make('drop_currency')).toContain('/20310101000000_drop_currency.sql')
  expect(make('add_colour')).toContain('/20310101000001_add_colour.sql')
})

test('PostgreSQL applies and undoes what it wrote', async () => {
  const database = await createDatabase()
  const sql = postgres(database.url, { max: 1, fetch_types: false })
  const functions = async () => {
    const rows = await sql`
      select p.oid::regprocedure::text as name from pg_proc p where p.proname = 'double_it'`
    return rows.map(({ name }) => name as string)
  }
  const run = async (command: 'migrate' | 'rollback') => {
    await runDbmate(database.url, command, `${folder}/migrations`)
    return functions()
  }
  try {
    write('double_it', body('one'))
    make('create_double_it')
    expect(await run('migrate')).toEqual(['double_it(bigint)'])
    write('double_it', body('two', `a bigint, note text default 'x, (y', b numeric(12,2)[]=null`))
    make('replace_double_it', new Date('2030-01-02T03:04:06Z'))
    expect(await run('migrate')).toEqual(['double_it(bigint,text,numeric[])'])
    expect(await run('rollback')).toEqual(['double_it(bigint)'])
    expect(await run('rollback')).toEqual([])
  } finally {
    await sql.end()
    await database.drop()
  }
})

test.each(['debit', 'replaceDebitUser', 'replace_debit_user.sql', '../replace_it', ''])(
  'refuses %s as a name',
  (name) => {
    write('double_it', body('one'))
    const before = readdirSync(`${folder}/migrations`)
    expect(() => make(name)).toThrow('snake case')
    expect(readdirSync(`${folder}/migrations`)).toEqual(before)
  },
)

test('refuses a file that creates no function of its name', () => {
  write('halve_it', body('one'))
  const before = readdirSync(`${folder}/migrations`)
  expect(() => make('add_things')).toThrow('halve_it.sql creates no function halve_it')
  expect(readdirSync(`${folder}/migrations`)).toEqual(before)
})
