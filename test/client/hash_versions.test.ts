/** Statements whose first entries were posted with version 1 of the hashes. */
import { spawnSync } from 'node:child_process'
import { beforeAll, expect, test } from 'vitest'
import { createLedgerClient, StatementError } from '../../client/ledger.ts'
import { useHttp } from '../support/http.ts'
import { rehash, tamper } from '../support/tampering.ts'

const http = useHttp()
const METADATA = String.raw`{"é💶": 1.10, "a": [1e30, "\u2028\n"]}`
let id: number

beforeAll(async () => {
  const { sql } = http
  id = await http.user('100.00')
  await sql`select debit_user(${id}, 1.5, 'old', ${METADATA}::text::jsonb)`
  await sql`select transfer(${id}, 1, 2)`
  await tamper(sql, ...[1, 2, 3].map((seq) => rehash(id, seq, seq - 1, id, '_1')))
  await sql`select debit_user(${id}, 1.5, 'new', ${METADATA}::text::jsonb)`
})

/** How many entries are proved of a statement that somebody has changed. */
async function provedBy(change: (text: string) => string): Promise<number> {
  const client = createLedgerClient({
    url: http.service.url,
    fetch: async (url, init) => {
      const response = await fetch(url, init)
      return new Response(change(await response.text()), response)
    },
  })
  let count = 0
  for await (const line of client.statement(id)) if ('proved' in line && line.proved) count++
  return count
}

async function verifiedBy(change: (text: string) => string): Promise<number | null> {
  const response = await fetch(`${http.service.url}/users/${id}/history`, {
    headers: { Accept: 'application/x-ndjson' },
  })
  const input = change(await response.text())
  return spawnSync('python3', ['docs/reference/verify_statement.py', String(id)], { input }).status
}

const same = (text: string) => text
const CHANGES: [string, (text: string) => string][] = [
  ['the key of an old entry', (text) => text.replace('"old"', '"alt"')],
  ['metadata of an old entry', (text) => text.replace('1.10', '1.1')],
  ['metadata of a new entry', (text) => text.replace(/1\.10(?!.*1\.10)/s, '1.1')],
]

test('the client proves entries of either version, and finds what was changed in either', async () => {
  expect(await provedBy(same)).toBe(4)
  for (const [, change] of CHANGES) {
    await expect(provedBy(change)).rejects.toBeInstanceOf(StatementError)
  }
})

test('verify_statement.py does so, too', async ({ skip }) => {
  skip(spawnSync('python3', ['--version']).status !== 0, 'python3 is not installed')
  expect(await verifiedBy(same)).toBe(0)
  for (const [what, change] of CHANGES) expect([what, await verifiedBy(change)]).toEqual([what, 1])
})
