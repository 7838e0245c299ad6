import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ArchiveFinding, verifyArchive } from '../../db/verify_archive.ts'
import { codeOf, one, useLedger } from '../support/ledger.ts'
import { runTypeScript } from '../support/run_typescript.ts'
import { sample } from '../support/share.ts'
import { ageUsers, tamper, verifyLedger } from '../support/tampering.ts'

const ledger = useLedger()
const AGE_DAYS = 100
/** With numbers that JavaScript doesn't read exactly, and text that has to be escaped. */
const METADATA = String.raw`{"rate": 1.10, "big": 18446744073709551617, "note": "é \"x\"\n"}`

let folder: string
let file: string
let ids: number[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-archive-'))
  file = join(folder, 'archive.jsonl')
  const { sql } = ledger
  ids = [await ledger.user(), await ledger.user()]
  await sql`select credit_user(${ids[0]!}::bigint, 100, 'first', ${METADATA}::text::jsonb)`
  await sql`select transfer(${ids[0]!}::bigint, ${ids[
    1
  ]!}::bigint, 30, 'second', ${METADATA}::text::jsonb)`
  await sql`select debit_user(${ids[0]!}::bigint, 1)`
  await sql`
    insert into payment_history (user_id, action, amount, metadata)
    values (${ids[0]!}::bigint, 'CREDIT', 5, ${METADATA}::text::jsonb)`
  await sql`select recalculate_balance(${ids[0]!}::bigint)`
  await ageUsers(sql, AGE_DAYS, ...ids)
  await sql`select credit_user(${ids[0]!}::bigint, 2, 'young', ${METADATA}::text::jsonb)`
})
afterAll(() => rm(folder, { recursive: true }))

const day = (daysAgo: number) =>
  new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10)

async function archive(...args: string[]): Promise<[number | string, string]> {
  const run = runTypeScript('db/archive.ts', args, { DATABASE_URL: ledger.url })
  return [await run.ended, run.output().trimEnd()]
}

const textOf = async (sql: postgres.Sql) => {
  const { text } = await one(sql<{ text: string }[]>`
    select jsonb_agg(h.metadata)::text as text from payment_history h`)
  return text
}

/** What verify finds of a file with this content. */
async function findingsOf(text: string): Promise<string[]> {
  const path = join(folder, 'tried.jsonl')
  await writeFile(path, text)
  const found: ArchiveFinding[] = []
  await verifyArchive(ledger.sql, path, (finding) => found.push(finding))
  return found.map(({ finding, user_id, seq }) => `${finding} ${user_id ?? '-'}/${seq ?? '-'}`)
}

test('npm run archive --min-bytes leaves entries with less metadata alone', async () => {
  const old = ['--before', day(AGE_DAYS - 10), '--out', file, '--min-bytes']
  expect(await archive(...old, '1000'))
    .toEqual([0, expect.stringMatching(/^no entries archived: none /)])
  expect((await archive(...old, '8193'))[0]).toBe(2)
  expect(await textOf(ledger.sql)).not.toContain('archived')
})

test('npm run archive moves the metadata of old entries to a file that proves itself', async () => {
  expect(await archive('--before', day(AGE_DAYS - 10), '--out', file))
    .toEqual([0, '4 entries archived'])
  const young = await textOf(ledger.sql)
  expect(young.match(/18446744073709551617/g)).toHaveLength(1)
  expect(young.match(/"archived"/g)).toHaveLength(4)
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
  expect(lines).toHaveLength(4)
  for (const line of lines) expect(line).toContain('18446744073709551617')
  expect(await verifyLedger(ledger.sql)).toEqual([])
  // Balances, keys, reversals and the rest don't need it.
  expect(
    await codeOf(
      ledger.sql`select credit_user(${ids[0]!}, 100, 'first', ${METADATA}::text::jsonb)`,
    ),
  )
    .toBe('LGKEY')
  expect(await codeOf(ledger.sql`select reverse_entry(${ids[0]!}, 2)`)).toBe('ok')
  expect(await archive('--before', day(AGE_DAYS - 10), '--out', file))
    .toEqual([0, expect.stringMatching(/^no entries archived: none /)])
})

test('npm run verify --archive proves each line, and finds what was changed, cut or invented', async () => {
  const text = await readFile(file, 'utf8')
  const lines = text.trimEnd().split('\n')
  const run = runTypeScript('db/verify.ts', ['--archive', file], { DATABASE_URL: ledger.url })
  expect([await run.ended, run.output()])
    .toEqual([0, expect.stringMatching(/^no findings: .*, 4 archived, 4 proved by the archive, /)])
  // Whoever was interrupted writes lines a second time.
  expect(await findingsOf(text + text)).toEqual([])
  expect(await findingsOf(lines.slice(1).join('\n'))).toEqual(['archive_missing -/-'])
  expect(await findingsOf(text.replace('1.10', '1.1')))
    .toEqual([`archive_differs ${ids[0]}/1`, 'archive_missing -/-'])
  for (
    const line of [
      'no JSON',
      '[]',
      '{}',
      lines[0]!.replace(/"seq": \d+/, '"seq": 99'),
      lines[0]!.replace(/"ledger": "\w/, '"ledger": "x'),
      lines[0]!.replace(/"user_id": \d+/, '"user_id": 1.5'),
    ]
  ) expect(await findingsOf(`${text}${line}\n`)).toEqual(['archive_invalid -/-'])
})

test('an archived entry that is changed afterwards is found', async () => {
  const { sql } = ledger
  await sql`begin`
  await tamper(sql, `update payment_history set amount = 3 where user_id = ${ids[0]} and seq = 1`)
  expect(await verifyLedger(sql)).toContain(`hash_differs ${ids[0]}/1`)
  await sql`rollback`
})

test('who is erased is erased from the archive as well, by whoever keeps it', async () => {
  const { sql } = ledger
  await sql`select erase_user(${ids[1]!}, 'request 4711 of somebody', '1 day')`
  expect(await verifyLedger(sql)).toEqual([])
  const text = await readFile(file, 'utf8')
  const erased = [`archive_erased ${ids[0]}/2`, `archive_erased ${ids[1]}/1`]
  expect((await findingsOf(text)).toSorted()).toEqual(erased)
  const kept = text.split('\n').filter((line) => {
    const { user_id, seq } = line ? JSON.parse(line) as { user_id: number; seq: number } : {}
    return !erased.includes(`archive_erased ${user_id}/${seq}`)
  })
  expect(await findingsOf(kept.join('\n'))).toEqual([])
})

test('npm run archive takes nothing that is younger than 30 days, and says what it needs', async () => {
  const before = await textOf(ledger.sql)
  for (const args of sample('bad days', [['--before', day(10)], ['--before', 'x'], []])) {
    expect((await archive(...args, '--out', file))[0]).toBe(2)
  }
  await ledger.sql`select ledger.archive_entries(${`{${ids[0]}}`}::bigint[],
    array(select max(seq) from payment_history where user_id = ${ids[0]!}::bigint), 'too young')`
  expect(await textOf(ledger.sql)).toBe(before)
})

test('the ways back are refused that would drop what proves archived and erased rows', async () => {
  const { rows } = await one(ledger.sql`select count(*)::integer as rows from erasures`)
  expect(rows).toBeGreaterThan(0)
  const files = readdirSync('db/migrations').filter((file) =>
    /_(erase_users|archive_entries)\.sql$/.test(file)
  )
  expect(files).toHaveLength(2)
  for (const file of files) {
    const [, down] = readFileSync(`db/migrations/${file}`, 'utf8').split('-- migrate:down')
    const [, asked] = /^-- by hand\n(do \$\$ begin\n[\s\S]*?^end \$\$;)$/m.exec(down!)!
    expect(await codeOf(ledger.sql.unsafe(asked!))).toBe('P0001')
  }
})
