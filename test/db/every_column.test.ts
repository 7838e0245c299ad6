/**
 * What somebody whom nothing stops changes in any column of any table is found by verification or
 * by an anchor, or docs/reference/verification.md says that it isn't.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAnchor } from '../../db/make_anchor.ts'
import { verifyAnchors } from '../../db/verify_anchors.ts'
import { fillEveryTable } from '../support/every_table.ts'
import { useLedger } from '../support/ledger.ts'
import { sample } from '../support/share.ts'
import { rehashAll } from '../support/tampering.ts'

const ledger = useLedger()
let sql: postgres.Sql
let folder: string
let anchors: string

beforeAll(async () => {
  sql = ledger.connect()
  folder = await mkdtemp(join(tmpdir(), 'ledger-columns-'))
  anchors = join(folder, 'anchors.jsonl')
  await fillEveryTable(sql)
  await makeAnchor(ledger.connect(), { out: anchors })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const TABLES = ['payment_history', 'holds', 'hold_changes', 'users', 'interventions', 'erasures']
  .concat('manual_entries', 'user_controls', 'user_details', 'user_references', 'user_keys')
  // Only servers of a distributed ledger write the traces; see test/db/citus/break_glass.test.ts.
  .concat('intervention_traces')
  .concat('ledger.anchors', 'ledger.identity', 'ledger.webhooks', 'schema_migrations')

/** Another value of a column of each type, given the column. */
const OTHER: Record<string, (column: string) => string> = {
  'bigint': (c) => `coalesce(${c}, 0) + 1`,
  'numeric': (c) => `coalesce(${c}, 0) + 1`,
  'text': (c) => `coalesce(${c}, '') || 'x'`,
  'timestamp with time zone': (c) =>
    `case ${c} when 'infinity' then '2100-01-01' else coalesce(${c}, now()) - interval '1 us' end`,
  'jsonb': () => `'{"x": 1}'`,
  'bytea': (c) => `sha256(coalesce(${c}, ''))`,
  'xid8': () => `'3'`,
  'uuid': () => 'gen_random_uuid()',
  'boolean': (c) => `not ${c}`,
  'character varying': (c) => `${c} || '1'`,
}

interface Case {
  table: string
  /** Where the row is. */
  ctid: string
  row: Record<string, unknown>
  /** A column, or DELETE. */
  what: string
  statement: string
}

async function allCases(): Promise<Case[]> {
  const cases: Case[] = []
  for (const table of TABLES) {
    const columns = await sql<{ name: string; type: string }[]>`
      select attname as name, format_type(atttypid, null) as type from pg_attribute
       where attrelid = ${table}::regclass and attnum > 0 and not attisdropped`
    const rows = await sql.unsafe<Case[]>(`select ctid::text, to_jsonb(t) as row from ${table} t`)
    for (const { ctid, row } of rows) {
      const at = `where ctid = '${ctid}'`
      const add = (what: string, statement: string) =>
        cases.push({ table, ctid, row, what, statement: `${statement} ${at}` })
      for (const { name, type } of columns) {
        add(name, `update ${table} set "${name}" = ${OTHER[type]!(`"${name}"`)}`)
        if (row[name] !== null) add(name, `update ${table} set "${name}" = null`)
      }
      add('DELETE', `delete from ${table}`)
    }
  }
  return cases
}

/** By verify_ledger() but for guards, or else by the anchor. */
async function isFound(): Promise<boolean> {
  const rows = await sql`
    select from ledger.verify_entries(0, 0) p, unnest(p.findings)
     union all select from ledger.verify_users() p, unnest(p.findings)
     union all select from ledger.verify_references()
     union all select from ledger.verify_interventions() limit 1`
  if (rows.length > 0) return true
  let found = false
  await verifyAnchors(sql, anchors, undefined, () => found = true)
  return found
}

/** What becomes of it; a constraint may refuse it. */
async function outcomeOf(statements: string[]): Promise<'found' | 'missed' | 'refused'> {
  await sql`begin`
  try {
    await sql`set local session_replication_role = replica`
    for (const table of TABLES) await sql.unsafe(`alter table ${table} disable trigger all`)
    for (const statement of statements) await sql.unsafe(statement)
    return await isFound() ? 'found' : 'missed'
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('23')) return 'refused'
    throw error
  } finally {
    await sql`rollback`
  }
}

/** As docs/reference/verification.md says, under "What is not proved". */
function isUnproved({ table, what, row }: Case): boolean {
  if (table === 'users') {
    return what === 'updated_at' ||
      (what === 'created_at' && [1, 5].includes(row['id'] as number)) ||
      (['id', 'DELETE'].includes(what) && row['id'] === 1)
  }
  return table === 'ledger.webhooks' || table === 'schema_migrations' ||
    (table === 'ledger.identity' && what === 'created_at') ||
    (table === 'payment_history' && what === 'id' && row['seq'] !== null) ||
    // A copy, of which the original is proved.
    (table === 'holds' && what === 'hash' && row['user_id'] === 4)
}

/** Those of a share of the cases that are found or missed and should not be. */
async function wrongOf(name: string, cases: Case[], then: string[] = []): Promise<string[]> {
  const wrong: string[] = []
  for (const one of sample(name, cases, 10)) {
    const outcome = await outcomeOf([one.statement, ...then])
    if (outcome === (isUnproved(one) ? 'found' : 'missed')) {
      wrong.push(`${outcome}: ${one.statement}, of ${JSON.stringify(one.row)}`)
    }
  }
  return wrong
}

test('these are all tables', async () => {
  const rows = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c
     where c.relkind = 'r'
       and c.relnamespace in ('public'::regnamespace, 'ledger'::regnamespace) order by 1`
  expect(rows.map(({ name }) => name)).toEqual(TABLES.toSorted())
})

test('nothing is found before, nor if everything is hashed anew', async () => {
  expect(await outcomeOf([])).toBe('missed')
  expect(await outcomeOf(rehashAll(2, 3, 5))).toBe('missed')
})

test('a change of any column, and the removal of any row, is found', async () => {
  expect(await wrongOf('changes', await allCases())).toEqual([])
})

test('so it is by an anchor if everything is hashed anew', async () => {
  const cases = (await allCases()).filter(({ what }) => what !== 'hash')
  expect(await wrongOf('changes with new hashes', cases, rehashAll(2, 3, 5))).toEqual([])
})
