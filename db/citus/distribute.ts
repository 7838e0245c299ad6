/** Spreads the users of a ledger over the workers of Citus: `npm run distribute`. */
import { parseArgs } from 'node:util'
import type postgres from 'postgres'
import { counted, printedHelp } from '../../src/command_line.ts'
import { connectOwner, runCommand, wholeNumber } from '../command.ts'
import { type Citus, faultOf, readFacts } from './facts.ts'
import { delegateFunctions, distributeFunctions, revokeFromPublic } from './functions.ts'
import { callInShards, makeShardFunctions } from './shard_functions.ts'
import { distributeTables, TABLES } from './tables.ts'
import { checkVersion } from './versions.ts'

const HELP = `
usage: npm run distribute -- [--shards N] [--dry-run]

Spreads the users of a ledger, with all that belongs to them, over the workers of Citus, by their
ids; MIGRATE_DATABASE_URL, or else DATABASE_URL, leads to the coordinator. It moves all of them or
none, and nobody can use the ledger meanwhile. Run it again after each npm run migrate, and when a
worker was added. The ledger can't be brought back to one server but by a copy.
--shards   how many parts there are to spread, 1 to 512; by default 8, and then never another
--dry-run  only says what it would do

exit codes: 0 it is distributed, or could be, 2 it isn't, for the reason in one line`

const LOCK_TIMEOUT_MS = 10_000

/** What will be done, a line each. */
async function plan(sql: postgres.Sql, citus: Citus, shards: number): Promise<string[]> {
  const { warning } = checkVersion(citus.version)
  const where = `${counted(citus.workers.length, 'worker')}, ${citus.workers.join(', ')}`
  if (citus.shards > 0) {
    return [
      ...warning ? [`Warning: ${warning}`] : [],
      `${
        counted(citus.shards, 'shard')
      } on ${where}: brings functions, rights and guards up to date`,
    ]
  }
  const [row] = await sql<{ users: string; entries: string }[]>`
    select (select count(*) from public.users) as users,
           (select count(*) from public.payment_history) as entries`
  return [
    ...warning ? [`Warning: ${warning}`] : [],
    `moves ${counted(row!.users, 'user')} with ${counted(row!.entries, 'entry', 'entries')} ` +
    `to ${counted(shards, 'shard')} on ${where}`,
    'Warning: only a copy brings it back to one server',
  ]
}

/**
 * Distributes tables and functions that aren't yet; whether it may is for faultOf to say.
 * @param tables by default all; an older schema has others
 */
export async function distribute(
  sql: postgres.Sql,
  shards: number,
  tables: typeof TABLES = TABLES,
): Promise<void> {
  // One transaction on all servers: whatever fails takes everything back.
  await sql`begin`
  try {
    await sql.unsafe(`
      set local lock_timeout = ${LOCK_TIMEOUT_MS};
      set local statement_timeout = 0;
      set local client_min_messages = error;
      set local citus.enable_unsafe_triggers = on;
      set local citus.multi_shard_modify_mode = 'sequential';
      set local citus.shard_count = ${shards}`)
    await distributeTables(sql, tables)
    await distributeFunctions(sql)
    await delegateFunctions(sql)
    await revokeFromPublic(sql)
    await sql`commit`
  } catch (error) {
    await sql`rollback`
    throw error
  }
}

/** @throws Error with one line if a guard is missing on one of the servers */
async function checkGuards(sql: postgres.Sql): Promise<void> {
  const findings = await sql<{ detail: string }[]>`select f.detail from ledger.verify_guards() f
    where f.finding = 'guard_missing'`
  if (findings.length === 0) return
  const more = findings.length > 1 ? `, and ${findings.length - 1} more` : ''
  throw new Error(`it is distributed, but: ${findings[0]!.detail}${more}`)
}

async function main(): Promise<number> {
  if (printedHelp(HELP, process.argv.slice(2))) return 0
  const { values } = parseArgs({
    options: { shards: { type: 'string' }, 'dry-run': { type: 'boolean' } },
  })
  const shards = wholeNumber('shards', values.shards ?? '8', 1, 512)
  const sql = await connectOwner('distribute')
  try {
    const facts = await readFacts(sql)
    const fault = faultOf(facts)
    if (fault) throw new Error(fault)
    const citus = facts.citus!
    if (values.shards !== undefined && citus.shards > 0 && citus.shards !== shards) {
      throw new Error(`the ledger has ${citus.shards} shards already: leave --shards out`)
    }
    for (const line of await plan(sql, citus, shards)) console.log(line)
    if (values['dry-run']) return 0
    await distribute(sql, shards)
    await makeShardFunctions(sql)
    await callInShards(sql)
    await checkGuards(sql)
    console.log('the ledger is distributed')
    return 0
  } finally {
    await sql.end({ timeout: 5 })
  }
}

await runCommand(import.meta.url, main)
