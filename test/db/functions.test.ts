import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listMigrations, readBlocks, readFunctions } from '../../db/function_blocks.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { runDbmate } from '../support/dbmate.ts'

const files = [...readFunctions('db')]
const blocks = readBlocks('db')

interface Described {
  function: string
  name: string
  definition: string
  comment: string | null
  /** Who may do what; null stands for PUBLIC. */
  privileges: { grantee: string | null; privilege: string }[]
  security_definer: boolean
  search_path: string | null
}

/** Everything in our schemas that the files of db/functions decide. */
function describeFunctions(sql: postgres.Sql): Promise<Described[]> {
  return sql<Described[]>`
    select p.oid::regprocedure::text as function, p.proname as name,
           pg_get_functiondef(p.oid) as definition,
           obj_description(p.oid, 'pg_proc') as comment,
           (select json_agg(json_build_object('grantee', r.rolname, 'privilege', a.privilege_type)
                     order by r.rolname nulls first, a.privilege_type)
              from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
              left join pg_roles r on r.oid = a.grantee) as privileges,
           p.prosecdef as security_definer,
           (select split_part(c, '=', 2) from unnest(p.proconfig) c
             where c like 'search_path=%') as search_path
      from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'ledger'::regnamespace)
     order by 1`.then((rows) => [...rows])
}

let database: TestDatabase
let sql: postgres.Sql

beforeAll(async () => {
  database = await createDatabase()
  sql = postgres(database.url, { max: 1, fetch_types: false, onnotice: () => {} })
})

afterAll(async () => {
  await sql.end()
  await database.drop()
})

test.each(files)('the file of %s is what the migrations hold', (name, text) => {
  expect(blocks.get(name)).toBe(text)
})

test.each(files)('each error of %s that has a message has a hint', (_, text) => {
  const raised = text.match(/\braise exception [^;]*(?:'[^']*'[^;']*)*;/g) ?? []
  expect(raised.filter((one) => one.includes('message =') && !/\bhint =/.test(one))).toEqual([])
})

test('running every file again changes nothing', async () => {
  const before = await describeFunctions(sql)
  await sql.unsafe('begin')
  for (const [, text] of files) await sql.unsafe(text)
  const after = await describeFunctions(sql)
  await sql.unsafe('rollback')
  expect(after).toEqual(before)
})

describe('every function', () => {
  let functions: Described[]
  const functionsWhere = (matches: (f: Described) => boolean) =>
    functions.filter(matches).map((f) => f.function)

  beforeAll(async () => {
    functions = await describeFunctions(sql)
  })

  test('has a file', () => {
    expect([...new Set(functions.map(({ name }) => name))].sort()).toEqual(
      files.map(([name]) => name),
    )
  })

  test('has a comment', () => {
    expect(functionsWhere(({ comment }) => !comment)).toEqual([])
  })

  test('is not executable by PUBLIC', () => {
    expect(functionsWhere(({ privileges }) => privileges.some((p) => p.grantee === null)))
      .toEqual([])
  })

  test('looks up names where its caller has no say, if it runs as its owner', () => {
    expect(functionsWhere((f) => f.security_definer && !f.search_path?.endsWith(', pg_temp')))
      .toEqual([])
  })
})

test('rolling every migration back leaves nothing, and they apply again', async () => {
  const copy = await createDatabase()
  const connection = postgres(copy.url, { max: 1, fetch_types: false })
  try {
    const before = await describeFunctions(connection)
    for (const _ of listMigrations('db')) await runDbmate(copy.url, 'rollback')
    const left = await connection`
      select pg_describe_object(d.classid, d.objid, 0) as object from pg_depend d
       where d.refclassid = 'pg_namespace'::regclass and d.refobjid = 'public'::regnamespace
      union all
      select format('%s of %s', a.privilege_type, a.grantee::regrole)
        from pg_namespace n, aclexplode(n.nspacl) a
       where n.nspname = 'public' and a.grantee::regrole::text like 'ledger%'`
    expect(left.map(({ object }) => object as string)).toEqual(['table schema_migrations'])
    expect(await connection`select from schema_migrations`).toHaveLength(0)
    await runDbmate(copy.url, 'migrate')
    expect(await describeFunctions(connection)).toEqual(before)
  } finally {
    await connection.end()
    await copy.drop()
  }
})
