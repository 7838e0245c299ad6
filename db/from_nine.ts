/**
 * Copies a ledger that the nine migrations before the baseline made: `npm run migrate --
 * --from-nine`.
 */
import { pipeline } from 'node:stream/promises'
import type postgres from 'postgres'
import { open, reach } from './connect.ts'

/**
 * The migrations that made it, all of them: with fewer there are other columns, or other hashes.
 */
export const NINE = [
  '20261123000000',
  '20261123010000',
  '20261123050000',
  '20261123060000',
  '20261123061000',
  '20261123070000',
  '20261123080000',
  '20261123090000',
  '20261123154628',
]

/** In the order in which they refer to one another; every column that both schemas have. */
const COLUMNS = {
  users: 'id, balance, seq, hold_changes, created_at, updated_at',
  payment_history: 'id, user_id, action, amount, ts, seq, balance, sealed_at, idempotency_key, ' +
    'metadata, held, hold, reverses, peer_user_id, peer_seq, hash',
  holds: 'user_id, hold, amount, status, available, created_at, expires_at, closed_at, ' +
    'idempotency_key, metadata, release_key, release_metadata, release_seq, release_balance, ' +
    'release_available, hash',
  interventions: 'id, at, transaction, role, operation, reason, user_id, seq, before',
}

/** Tables of which a row gets more than it had. */
const REWRITTEN = ['holds', 'interventions']

/**
 * Copies everything, as of one moment, into the new schema: ids, keys, holds, times and hashes stay
 * as they are, and entries that are pending stay pending. Of manual ones, the role that copies
 * counts as who entered them. Both databases stay as they were if it fails.
 * @param from the URL of the old database, for a role that may read all of it
 * @param to a connection to the new database, as its owner, with nothing in it but user 1
 * @returns how many rows each table has got
 * @throws Error with one line
 */
export async function copyFromNine(
  from: string,
  to: postgres.Sql,
): Promise<{ table: string; rows: number }[]> {
  const old = open(await reach(from, '--from-nine'))
  try {
    await old`begin isolation level repeatable read read only`
    await checkOld(old)
    return await to.begin(async (tx) => {
      await takeEmpty(tx)
      for (const [table, columns] of Object.entries(COLUMNS)) {
        const target = REWRITTEN.includes(table) ? `pg_temp.moved_${table}` : `public.${table}`
        const source = await old.unsafe(`copy public.${table} (${columns}) to stdout`).readable()
        await pipeline(source, await tx.unsafe(`copy ${target} (${columns}) from stdin`).writable())
      }
      await moveHolds(tx)
      await recordManualEntries(tx)
      await chainInterventions(tx)
      return await tx<{ table: string; rows: number }[]>`
        select 'users' as "table", count(*)::int as rows from public.users
        union all select 'payment_history', count(*)::int from public.payment_history
        union all select 'holds', count(*)::int from public.holds
        union all select 'interventions', count(*)::int from public.interventions`
    })
  } finally {
    await old.end({ timeout: 5 })
  }
}

async function checkOld(old: postgres.Sql): Promise<void> {
  const applied = await old<{ version: string }[]>`
    select version from public.schema_migrations order by version`.catch(() => [])
  if (applied.map(({ version }) => version).join() !== NINE.join()) {
    throw new Error('--from-nine must name a database that all of the nine migrations made')
  }
}

/** Of entries that were posted later than they were made, nobody knew who had entered them. */
async function recordManualEntries(tx: postgres.TransactionSql): Promise<void> {
  await tx`
    insert into public.manual_entries (user_id, id, entered_at, entered_by, seq, hash)
    select h.user_id, h.id, now(), session_user, h.seq,
           ledger.manual_entry_hash(h, h.id, now(), session_user)
      from public.payment_history h where h.seq is not null and h.ts <> h.sealed_at`
}

/**
 * They keep what they say, and get a chain. Their transactions were those of another server, where
 * one of the same number may still come; this one is over when it commits.
 */
async function chainInterventions(tx: postgres.TransactionSql): Promise<void> {
  await tx.unsafe(`
    do $$
    declare
      v public.interventions;
      v_hash bytea;
    begin
      for v in select * from pg_temp.moved_interventions order by id loop
        v.id := coalesce((select max(i.id) from public.interventions i), 0) + 1;
        v.transaction := pg_current_xact_id();
        v.hash := ledger.intervention_hash(v_hash, v);
        v_hash := v.hash;
        insert into public.interventions (id, at, transaction, role, operation, reason, user_id,
          seq, before, hash)
        values (v.id, v.at, v.transaction, v.role, v.operation, v.reason, v.user_id, v.seq,
          v.before, v.hash);
      end loop;
    end $$`)
}

/** Under a lock, so that nobody writes into it meanwhile. */
async function takeEmpty(tx: postgres.TransactionSql): Promise<void> {
  await tx`lock table public.users, public.payment_history, public.holds, public.interventions
    in exclusive mode`
  const [row] = await tx`
    select from public.users where id <> 1
    union all select from public.payment_history union all select from public.interventions limit 1`
  if (row) throw new Error('the new database must have no users and no entries yet')
  await tx`delete from public.users`
  await tx`
    create temp table moved_holds (
      user_id bigint, hold bigint, amount numeric, status text, available numeric,
      created_at timestamptz, expires_at timestamptz, closed_at timestamptz, idempotency_key text,
      metadata jsonb, release_key text, release_metadata jsonb, release_seq bigint,
      release_balance numeric, release_available numeric, hash bytea) on commit drop`
  await tx`create temp table moved_changes (like public.hold_changes) on commit drop`
  await tx`create temp table moved_interventions (like public.interventions) on commit drop`
  await tx`alter table moved_interventions alter hash drop not null`
}

/**
 * Each gets the changes that are known of it: how it was placed, and how it was closed. The
 * identities of both tables go on behind what was copied: positions come from the same sequence as
 * entries.
 */
async function moveHolds(tx: postgres.TransactionSql): Promise<void> {
  for (const table of ['users', 'payment_history', 'interventions']) {
    await tx`
      select setval(pg_get_serial_sequence(${`public.${table}`}, 'id'),
        (select coalesce(max(id), 0) + 1 from ${tx(`public.${table}`)}), false)`
  }
  await tx`
    insert into pg_temp.moved_changes (user_id, hold, number, action, amount, remaining, expires_at,
      at, available, idempotency_key, metadata, position, hash)
    select o.user_id, o.hold, 1, 'placed', o.amount, o.amount, o.expires_at, o.created_at,
           o.available, o.idempotency_key, o.metadata,
           nextval('public.payment_history_id_seq'), o.hash
      from pg_temp.moved_holds o order by o.user_id, o.hold`
  await tx`
    insert into pg_temp.moved_changes (user_id, hold, number, action, amount, remaining, expires_at,
      at, seq, balance, available, idempotency_key, metadata, position, hash)
    select o.user_id, o.hold, 2, o.status, coalesce(e.amount, o.amount), 0.00, o.expires_at,
           o.closed_at, coalesce(e.seq, o.release_seq), o.release_balance, o.release_available,
           o.release_key, o.release_metadata, nextval('public.payment_history_id_seq'), o.hash
      from pg_temp.moved_holds o
      left join public.payment_history e on e.user_id = o.user_id and e.hold = o.hold
     where o.status <> 'active' order by o.user_id, o.hold`
  // The rows of the new table are made of these, with the hash that says the same in version 2.
  await tx`
    update pg_temp.moved_changes c
       set hash = ledger.hold_hash_2(row(p.*)::public.hold_changes, row(c.*)::public.hold_changes)
      from pg_temp.moved_changes p
     where p.user_id = c.user_id and p.hold = c.hold and p.number = 1`
  await tx`insert into public.hold_changes select * from pg_temp.moved_changes`
  await tx`
    insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
      changes, hash)
    select o.user_id, o.hold, o.amount, case o.status when 'active' then o.amount else 0 end,
           case o.status when 'captured' then c.amount else 0 end, o.status, o.expires_at,
           c.number, o.hash
      from pg_temp.moved_holds o
      join public.hold_changes c on c.user_id = o.user_id and c.hold = o.hold
       and c.number = case o.status when 'active' then 1 else 2 end`
}
