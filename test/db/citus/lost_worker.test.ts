/** A worker is lost while it commits. Nobody knows what became of that, and no answer says it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { citusIsMissing, useCitusLedger } from '../../support/citus.ts'
import { one } from '../../support/ledger.ts'
import { serve } from '../../support/service.ts'

const ledger = useCitusLedger({ isDistributed: true })
const USERS = Array.from({ length: 16 }, (_, n) => 100 + n)
let service: Service

beforeAll(async () => {
  if (citusIsMissing) return
  for (const user of USERS) {
    await ledger.connect()`select create_user(${user}), credit_user(${user}, 100)`
  }
  const config = loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off', DATABASE_URL: ledger.url })
  service = await serve({ ...config, port: 0, requestDeadlineMs: 20_000 })
})
afterAll(async () => await service?.stop())

async function post(path: string, body: object, key?: string) {
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) },
  })
  const { code } = await response.json() as { code?: string }
  return { status: response.status, code }
}

/** Two users of one worker, in different shards, and that worker's history shards. */
async function neighbours() {
  const sql = ledger.connect()
  const users = await sql<{ id: number; shard: string; port: number }[]>`
    select u.id::integer as id, p.shardid as shard, n.nodeport as port
      from generate_series(${USERS[0]!}::bigint, ${USERS.at(-1)!}::bigint) u(id)
      join pg_dist_placement p
        on p.shardid = get_shard_id_for_distribution_column('public.users', u.id)
      join pg_dist_node n using (groupid)`
  const [from] = users
  const to = users.find(({ port, shard }) => port === from!.port && shard !== from!.shard)!
  const url = ledger.workerUrls.find((worker) => new URL(worker).port === `${from!.port}`)!
  return { from: from!.id, to: to.id, url }
}

/** Each commit of new history ends its session on the worker, before anything is kept. */
async function breakCommits(url: string): Promise<() => Promise<void>> {
  const sql = ledger.connect(url)
  await sql`set citus.enable_ddl_propagation = off`
  await sql`set citus.enable_manual_changes_to_shards = on`
  await sql`set citus.override_table_visibility = off`
  await sql.unsafe(`
    create function public.end_session() returns trigger language plpgsql security definer as $$
    begin
      perform pg_terminate_backend(pg_backend_pid());
      perform pg_sleep(5);
      return null;
    end $$`)
  const shards = await sql<{ name: string }[]>`
    select relname as name from pg_class
     where relkind = 'r' and relname ~ '^payment_history_\\d+$'`
  for (const { name } of shards) {
    await sql`
      create constraint trigger end_session after insert on public.${sql(name)}
        deferrable initially deferred for each row execute function public.end_session()`
    await sql`alter table public.${sql(name)} enable always trigger end_session`
  }
  return async () => {
    await sql`drop function public.end_session() cascade`
  }
}

test.skipIf(citusIsMissing)('a transfer within one worker that is lost is in doubt', async () => {
  const { from, to, url } = await neighbours()
  const mend = await breakCommits(url)
  const transfer = { from, to, amount: '1' }
  expect(await post('/transfers', transfer, 'lost')).toEqual({
    status: 503,
    code: 'outcome_unknown',
  })
  await mend()
  expect(await post('/transfers', transfer, 'lost')).toMatchObject({ status: 201 })
  const sql = ledger.connect()
  expect(await one(sql`select balance from balances where id = ${from}`))
    .toEqual({ balance: '99.00' })
  expect(await sql`select * from verify_ledger()`).toEqual([])
})
