/** The guards of a distributed ledger, on every shard and every server. */
import { expect, test } from 'vitest'
import { codeOf, one } from '../../support/ledger.ts'
import { tamper, verifyLedger, verifyUser } from '../../support/tampering.ts'
import { citusIsMissing, distribute, useCitusLedger } from '../../support/citus.ts'

const ledger = useCitusLedger({ isDistributed: true })

test.skipIf(citusIsMissing)('nobody else may execute a copy of a function', async () => {
  for (const url of ledger.workerUrls) {
    const worker = ledger.connect(url)
    const open = await worker`
      select p.oid::regprocedure::text as function
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
       where n.nspname in ('public', 'ledger') and a.grantee = 0
         and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`
    expect(Array.from(open)).toEqual([])
  }
})

test.skipIf(citusIsMissing)('verify_guards() finds a guard that one shard lacks', async () => {
  const sql = ledger.connect()
  const worker = ledger.connect(ledger.workerUrls[0])
  await worker`set citus.enable_manual_changes_to_shards = on`
  const [shard] = await sql<{ name: string; trigger: string }[]>`
    select shard_name('public.payment_history', s.shardid) as name,
           'guard_row_' || s.shardid as trigger
      from pg_dist_shard s join pg_dist_placement p using (shardid)
      join pg_dist_node n using (groupid)
     where s.logicalrelid = 'public.payment_history'::regclass
       and n.nodeport = ${new URL(ledger.workerUrls[0]!).port}::integer limit 1`
  const missing = async () =>
    Array.from(await sql`select * from ledger.verify_guards() where finding = 'guard_missing'`)
  expect(await missing()).toEqual([])
  await worker.unsafe(`alter table ${shard!.name} enable trigger ${shard!.trigger}`)
  expect(await missing()).toHaveLength(1)
  await worker.unsafe(`alter table ${shard!.name} enable always trigger ${shard!.trigger}`)
  expect(await missing()).toEqual([])
  await worker`set citus.enable_ddl_propagation = off`
  await worker`grant execute on function debit_user to public`
  expect((await missing()).length).toBeGreaterThan(0)
  await distribute(ledger.url)
  expect(await missing()).toEqual([])
})

test.skipIf(citusIsMissing)('verify_ledger() finds who was frozen or made otherwise', async () => {
  const sql = ledger.connect()
  await sql`set citus.enable_unsafe_triggers = on`
  const { id } = await one(sql<{ id: string }[]>`
    select id from create_user(reference => 'a', metadata => '{"n": 1}', idempotency_key => 'k')`)
  await sql`select freeze_user(${id}::bigint, 'a reason')`
  await sql`select set_credit_limit(${id}::bigint, 5)`
  expect(await verifyLedger(sql)).toEqual([])
  await tamper(
    sql,
    `update user_controls set reason = 'another' where user_id = ${id} and number = 1`,
    `update user_details set metadata = '{"n": 2}' where user_id = ${id}`,
    `insert into user_references values ('invented', ${id})`,
  )
  expect(await verifyLedger(sql))
    .toEqual([`control_differs ${id}/-`, `details_invalid ${id}/-`, `reference_differs ${id}/-`])
})

test.skipIf(citusIsMissing)('who withdraws without an intervention is found', async () => {
  const sql = ledger.connect()
  await sql`select create_user(70), credit_user(70, 1)`
  const { id } = await one(sql`
    insert into payment_history (user_id, action, amount) values (70, 'CREDIT', 5) returning id`)
  for (const url of ledger.workerUrls) {
    const worker = ledger.connect(url)
    await worker`select set_config('ledger.withdrawn', ${id}, false)`
    // Refused where the user isn't.
    await codeOf(worker`delete from payment_history where user_id = 70 and seq is null`)
  }
  expect(await sql`select from pending_entries where user_id = 70`).toHaveLength(0)
  expect(await verifyUser(sql, 70)).toEqual(['manual_entry_invalid 70/-'])
})
