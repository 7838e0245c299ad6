/** Verification of a distributed ledger while transactions are being committed. */
import { beforeEach, expect, test, vi } from 'vitest'
import { citusIsMissing, useCitusLedger } from '../../support/citus.ts'
import { codeOf, one, start } from '../../support/ledger.ts'
import { verifyLedger } from '../../support/tampering.ts'

const ledger = useCitusLedger({ isDistributed: true })
/** Of another group of servers, so that Citus leaves it alone. */
const GID = 'citus_99_1_1_1'
const [FROM, TO] = [100, 101]
/** Ends the transaction that is prepared. */
let end: (how: 'commit' | 'rollback') => Promise<unknown>

/** A transfer, of which the half of the receiver is being committed. */
beforeEach(async () => {
  if (citusIsMissing) return
  const sql = ledger.connect()
  await sql`select create_user(${FROM}), create_user(${TO}), credit_user(${FROM}, 10)`
  await sql`select transfer(${FROM}, ${TO}, 1)`
  const { table, port } = await one(sql<{ table: string; port: number }[]>`
    select shard_name('public.payment_history', p.shardid) as table, n.nodeport as port
      from pg_dist_placement p join pg_dist_node n using (groupid)
     where p.shardid = get_shard_id_for_distribution_column('public.payment_history',
       ${TO}::bigint)`)
  const worker = ledger.connect(ledger.workerUrls.find((url) => new URL(url).port === `${port}`))
  await worker`set citus.enable_manual_changes_to_shards = on`
  const half = `user_id = ${TO} and seq = (select max(seq) from ${table} where user_id = ${TO})`
  const { row } = await one(worker.unsafe(`select h::text as row from ${table} h where ${half}`))
  const triggers = await worker.unsafe(`
    select tgname as name from pg_trigger where tgrelid = '${table}'::regclass and not tgisinternal`)
  const enable = triggers.map(({ name }) => `alter table ${table} enable always trigger ${name}`)
  const change = (statement: string, last: string) =>
    worker.unsafe(`
      begin;
      alter table ${table} disable trigger user;
      ${statement};
      ${enable.join(';')};
      ${last}`)
  await change(`delete from ${table} where ${half}`, 'commit')
  const values = `select (x.h).* from (select '${row as string}'::${table} as h) x`
  await change(`insert into ${table} ${values}`, `prepare transaction '${GID}'`)
  end = (how) => worker.unsafe(`${how} prepared '${GID}'`)
})

/** What verification finds, once it has waited for what is being committed, and that is over. */
async function foundAfter(how: 'commit' | 'rollback'): Promise<string[]> {
  const found = start(verifyLedger(ledger.connect()))
  const watch = ledger.connect()
  await vi.waitUntil(
    async () =>
      (await watch`
        select from pg_stat_activity a where a.wait_event = 'PgSleep'
           and a.datname = current_database()`).length,
  )
  await end(how)
  return await found
}

test.skipIf(citusIsMissing)(
  'it waits for the half of a transfer that is being committed',
  async () => {
    expect(await foundAfter('commit')).toEqual([])
  },
)

test.skipIf(citusIsMissing)('in a transaction that sees nothing later it is refused', async () => {
  const sql = ledger.connect()
  await sql`begin isolation level repeatable read`
  expect(await codeOf(sql`select * from verify_ledger()`)).toBe('LGMOV')
  await sql`rollback`
  await end('commit')
  expect(await verifyLedger(ledger.connect())).toEqual([])
})

test.skipIf(citusIsMissing)(
  'it finds a half without the other, and what a commit left out',
  async () => {
    expect(await foundAfter('rollback'))
      .toEqual([
        expect.stringMatching(`^tail_missing ${TO}/`),
        expect.stringMatching(`^transfer_unmatched ${FROM}/`),
      ])
  },
)
