/** What docs/how-to/archive.md says of closing a ledger and going on in another one. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { connectTo, createUser, useLedger } from '../support/ledger.ts'
import { psqlIsMissing } from '../support/psql.ts'
import { verifyLedger } from '../support/tampering.ts'

const ledger = useLedger()

test('a ledger is closed, and another one goes on with its balances, references and proof', async ({ skip }) => {
  skip(psqlIsMissing, 'needs psql')
  const old = ledger.sql
  const [rich, poor, empty] = [await ledger.user('70.50'), await ledger.user(), await ledger.user()]
  await old`select create_user(reference => 'ann', metadata => '{"name": "Ann, \\"A\\""}')`
  await old`insert into payment_history (user_id, action, amount) values (${poor}, 'DEBIT', 3)`
  const text = await readFile('docs/how-to/archive.md', 'utf8')
  const section = text.slice(text.indexOf('## To close a ledger'))
  const blocks = [...section.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, block]) => block!)
  expect(blocks).toHaveLength(2)
  const folder = await mkdtemp(join(tmpdir(), 'ledger-close-'))
  const opened = await createDatabase()
  const sql = connectTo(opened.url)
  try {
    for (const block of blocks) {
      await promisify(execFile)('bash', ['-ec', block], {
        cwd: folder,
        env: {
          PATH: process.env['PATH'],
          OLD: ledger.url,
          NEW: opened.url,
          PGOPTIONS: '-c role=ledger_dba',
        },
      })
    }
    const balances = (of: typeof sql) =>
      of`select b.id, b.balance, d.reference, d.metadata
        from balances b left join user_details d on d.user_id = b.id order by b.id`
    expect([...await balances(sql)]).toEqual([...await balances(old)])
    expect(
      await sql`
      select user_id, seq, action, amount, metadata from entries order by user_id`,
    ).toEqual(
      await old`
      select user_id, '1'::bigint as seq, action, amount,
             jsonb_build_object('ledger', ledger.ledger_id(), 'seq', seq, 'hash', hash) as metadata
        from entries where user_id in (${rich}, ${poor}) order by user_id`,
    )
    expect(await verifyLedger(sql)).toEqual([])
    // Whoever is new is none of theirs.
    expect(await createUser(sql)).toBeGreaterThan(empty)
  } finally {
    await sql.end()
    await opened.drop()
    await rm(folder, { recursive: true })
  }
})
