/**
 * Tests of the tests: each of these breaks one rule, and has to be found by the interleaving that
 * is named with it and, where it says so, by the storm.
 */
import { expect, test } from 'vitest'
import { useLedger } from '../support/ledger.ts'
import { sample } from '../support/share.ts'
import { whileBroken } from './broken.ts'
import { runScenario } from './interleavings.ts'
import { COVERED, LOCK_IN_THE_STATEMENT_THAT_READS, NO_LOCK } from './mutation.ts'
import { MUTATIONS } from './mutations.ts'
import { runStorm } from './storm.ts'

/** Most are found with the first; what the order of commits hides from one, another shows. */
const SEEDS = Array.from({ length: 20 }, (_, n) => n + 1)
/** Class 42 of SQLSTATE: what is broken doesn't even run, so that nothing is found out about it. */
const NOT_SQL = /\b42[0-9A-Z]{3}\b/

const ledger = useLedger()

/** The storm's violations with the first seed that brings any. */
async function stormUntilFound(): Promise<string[]> {
  for (const seed of SEEDS) {
    const { violations } = await runStorm({ url: ledger.url, seed, debits: 100 })
    if (violations.length > 0) return violations
  }
  return []
}

const taken = sample('mutations', Object.entries(MUTATIONS), 3)

test.each(taken)('%s is found', async (_name, { broken, scenario, storm }) => {
  const found = await whileBroken(ledger.sql, broken, async () => ({
    directed: await runScenario(scenario, ledger.url),
    stormed: storm ? await stormUntilFound() : undefined,
  }))
  expect(found.directed).not.toEqual([])
  expect(found.directed.filter((text) => NOT_SQL.test(text))).toEqual([])
  expect(found.stormed).not.toEqual([])
})

test.each([...new Set(taken.map(([, { scenario }]) => scenario))])(
  'nothing is found by %s when nothing is broken any more',
  async (name) => {
    expect(await runScenario(name, ledger.url)).toEqual([])
  },
)

/**
 * Two entries can't have the same seq, whatever a function does, so that a lost lock fails instead
 * of overdrawing. Without that net the sums have to tell. Last: the net isn't put back.
 */
test.each([
  ['lock and read in one statement', LOCK_IN_THE_STATEMENT_THAT_READS],
  ['no lock', NO_LOCK],
])('%s is found without the constraint on seq, too', async (_name, broken) => {
  const { sql } = ledger
  await sql`
    alter table payment_history drop constraint if exists payment_history_user_id_seq_key`
  await sql`create index if not exists plain on payment_history (user_id, seq)`
  expect(await runScenario(COVERED, ledger.url)).toEqual([])
  const found = await whileBroken(sql, broken, () => runScenario(COVERED, ledger.url))
  expect(found).toContain('the second: "ok" instead of "LGFND"')
})
