/**
 * The rows of a ledger alone, restored into a database that is new, as docs/how-to/restore.md says.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { connectTo, stateOf, useLedger } from '../support/ledger.ts'
import { psqlIsMissing } from '../support/psql.ts'
import { verifyLedger } from '../support/tampering.ts'

const PAGE = readFileSync('docs/how-to/restore.md', 'utf8')
const RECIPE = PAGE.slice(PAGE.indexOf('## Restore the rows alone')).split('```bash')[1]!
const SETTING = /^PGOPTIONS='([^']+)'/m.exec(RECIPE)![1]!

const ledger = useLedger()
let restored: TestDatabase
let folder: string

beforeAll(async () => {
  restored = await createDatabase()
  folder = await mkdtemp(join(tmpdir(), 'ledger-restore-'))
})
afterAll(async () => {
  await restored.drop()
  await rm(folder, { recursive: true })
})

/** Does what pg_restore --data-only does, which is seldom as new as the server. */
async function copyRows(from: string, to: string): Promise<void> {
  const rows = await ledger.sql<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c
     where c.relnamespace in ('public'::regnamespace, 'ledger'::regnamespace)
       and c.relkind = 'r' order by c.relname`
  const copy = async (url: string, direction: 'to' | 'from') => {
    const commands = rows.map(({ name }) => `\\copy ${name} ${direction} '${folder}/${name}'`)
    const args = ['-qX', '-v', 'ON_ERROR_STOP=1', url, ...commands.flatMap((one) => ['-c', one])]
    await promisify(execFile)('psql', args, { env: { ...process.env, PGOPTIONS: SETTING } })
  }
  await copy(from, 'to')
  await copy(to, 'from')
}

test.skipIf(psqlIsMissing)('rows alone go into what migrate made, and verify there', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select create_user(1)`
  await sql`select transfer(${id}, 1, 3), place_hold(${id}, 1)`
  await sql`insert into payment_history (user_id, action, amount) values (1, 'CREDIT', 8)`
  const state = await stateOf(sql, id)

  const target = connectTo(restored.url)
  for (const [, statement] of RECIPE.matchAll(/-c '(delete [^']+)'/g)) {
    await target.unsafe(statement!)
  }
  await copyRows(ledger.url, restored.url)
  const lines: string[] = []
  await migrate(restored.url, (line) => lines.push(line))
  expect(lines).toEqual(lines.filter((line) => line.startsWith('Moved ')))
  expect(await stateOf(target, id)).toEqual(state)
  expect(await verifyLedger(target)).toEqual([])
  await target`select recalculate_balance(1), create_user()`
  expect(await verifyLedger(target)).toEqual([])
  await target.end()
})
