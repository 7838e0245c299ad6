/** Statements with entries of which something was erased or archived: what of them is proved. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CheckedLine, createLedgerClient, StatementError } from '../../client/ledger.ts'
import { useHttp } from '../support/http.ts'
import { runTypeScript } from '../support/run_typescript.ts'
import { ageUsers } from '../support/tampering.ts'

const http = useHttp()
const VERIFIER = 'docs/reference/verify_statement.py'
const METADATA = String.raw`{"rate": 1.10, "note": "é \"x\"\n", "a": [{"erased": 1}]}`
const folder = mkdtempSync(join(tmpdir(), 'ledger-erased-'))
afterAll(() => rmSync(folder, { recursive: true }))
const archive = join(folder, 'archive.jsonl')

let id: number

/** Entries 1 to 3 archived, then 2 erased as the half of somebody's transfer; 4 and 5 whole. */
beforeAll(async () => {
  const { sql } = http
  const [peer] = [await http.user()]
  id = await http.user()
  await sql`select credit_user(${id}, 100, 'first', ${METADATA}::text::jsonb)`
  await sql`select transfer(${id}, ${peer}, 30, 'rent', ${METADATA}::text::jsonb)`
  await sql`select debit_user(${id}, 0.5, null, ${METADATA}::text::jsonb)`
  await ageUsers(sql, 100, id, peer)
  await sql`select credit_user(${id}, 7, null, '{"erased": 1}')`
  await sql`select debit_user(${id}, 2)`
  const day = new Date(Date.now() - 50 * 86_400_000).toISOString().slice(0, 10)
  const run = runTypeScript('db/archive.ts', ['--before', day, '--out', archive], {
    DATABASE_URL: http.service.database.url,
  })
  if (await run.ended !== 0) throw new Error(run.output())
  await sql`select erase_user(${peer}, 'request 4711 of somebody')`
})

async function statement(): Promise<string[]> {
  const response = await fetch(`${http.service.url}/users/${id}/history`, {
    headers: { Accept: 'application/x-ndjson' },
  })
  return (await response.text()).trimEnd().split('\n')
}

/** What the client makes of a statement with these lines. */
async function checked(lines: string[]): Promise<CheckedLine[]> {
  const client = createLedgerClient({
    url: http.service.url,
    fetch: () =>
      Promise.resolve(
        new Response(lines.map((line) => `${line}\n`).join(''), {
          headers: { 'Content-Type': 'application/x-ndjson' },
        }),
      ),
  })
  const all: CheckedLine[] = []
  for await (const line of client.statement(id)) all.push(line)
  return all
}

const verifyWith = (lines: string[], ...args: string[]) => {
  const input = lines.map((line) => `${line}\n`).join('')
  const { status, stdout } = spawnSync('python3', [VERIFIER, String(id), ...args], { input })
  return [status, String(stdout).split('\n').slice(1, -1)]
}

test('lines say who took something out of them, and lines that only look so do not', async () => {
  const entries = (await statement()).slice(1, -1).map((line) =>
    JSON.parse(line) as { metadata?: object; erased_by?: number; archived_by?: number }
  )
  const rows = await http.sql<{ operation: string; id: string }[]>`
    select operation, id from interventions`
  const by = Object.fromEntries(rows.map(({ operation, id }) => [operation, Number(id)]))
  expect(entries.map(({ erased_by, archived_by }) => [erased_by, archived_by])).toEqual([
    [undefined, by['ARCHIVE']],
    [by['ERASE'], undefined],
    [undefined, by['ARCHIVE']],
    [undefined, undefined],
    [undefined, undefined],
  ])
  expect(entries[3]!.metadata).toEqual({ erased: 1 })
})

test('the client checks what can be checked, and says of the rest that it is not proved', async () => {
  const lines = await checked(await statement())
  expect(lines.slice(1, -1).map((line) => 'proved' in line && line.proved))
    .toEqual([false, false, false, true, true])
  expect(lines.at(-1)).toMatchObject({ closing: { seq: 5, balance: '74.50' }, unproved: 3 })
})

const CHANGES: [string, (lines: string[]) => string[]][] = [
  ['an amount of an erased entry', (lines) => lines.with(2, lines[2]!.replace('30.00', '3.00'))],
  [
    'the hash of an erased entry',
    (lines) => lines.with(3, lines[3]!.replace(/"hash":"./, '"hash":"x')),
  ],
  ['an erased entry left out', (lines) => lines.toSpliced(2, 1)],
  [
    'an entry said to be whole',
    (lines) => lines.with(1, lines[1]!.replace(/,"archived_by":\d+/, '')),
  ],
  [
    'balances moved from an erased entry to the next ones',
    (lines) => lines.with(3, lines[3]!.replace('"0.50"', '"1.50"').replace('"69.50"', '"68.50"')),
  ],
]

test.each(CHANGES)('%s is found', async (_, change) => {
  const lines = await statement()
  const changed = change(lines)
  expect(changed).not.toEqual(lines)
  await expect(checked(changed)).rejects.toBeInstanceOf(StatementError)
  const { status } = spawnSync('python3', ['--version'])
  if (status === 0) expect(verifyWith(changed)[0]).toBe(1)
})

test('verify_statement.py counts what it can not prove, and proves with the archive what was archived', async ({ skip }) => {
  skip(spawnSync('python3', ['--version']).status !== 0, 'python3 is not installed')
  const lines = await statement()
  const erased = "1 entry can't be proved alone: erased"
  expect(verifyWith(lines)).toEqual([3, [erased, "2 entries can't be proved alone: archived"]])
  expect(verifyWith(lines, archive)).toEqual([3, [erased]])
  const called = (...args: string[]) => spawnSync('python3', [VERIFIER, ...args]).status
  expect([called('--help'), called(), called('one'), called('1', '2', '3')]).toEqual([0, 2, 2, 2])
  const rest = join(folder, 'changed.jsonl')
  writeFileSync(rest, readFileSync(archive, 'utf8').replaceAll('1.10', '1.1'))
  expect(verifyWith(lines, rest)[0]).toBe(1)
})
