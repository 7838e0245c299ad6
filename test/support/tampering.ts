/** Changes of the history by somebody whom nothing stops, behind the back of the guards. */
import type postgres from 'postgres'
import { ageHolds, rehashHolds } from './holds.ts'
import { letTriggersChange } from './ledger.ts'
import { hashAfter } from './sealing.ts'

const TABLES = ['payment_history', 'holds', 'hold_changes', 'users', 'interventions']
  .concat(
    'manual_entries',
    'erasures',
    'intervention_traces',
    'user_controls',
    'user_details',
    'ledger.anchors',
  )

/**
 * Runs statements as a superuser whom no trigger stops; an older schema lacks some of the tables.
 */
export async function tamper(sql: postgres.Sql, ...statements: string[]): Promise<void> {
  // One message, so one transaction.
  await sql.unsafe(`
    ${letTriggersChange()}
    create temp table guards on commit drop as
      select tgrelid::regclass as of, tgname, tgenabled from pg_trigger
       where tgrelid in (select to_regclass(t) from unnest('{${TABLES.join(',')}}'::text[]) t)
         and not tgisinternal;
    do $$ declare v record; begin
      for v in select distinct g.of from pg_temp.guards g loop
        execute format('alter table %s disable trigger all', v.of);
      end loop;
    end $$;
    ${statements.join(';\n')};
    do $$ declare v record; begin
      for v in select * from pg_temp.guards loop
        execute format('alter table %s enable %s trigger %I', v.of,
          case v.tgenabled when 'A' then 'always' else '' end, v.tgname);
      end loop;
    end $$`)
}

/** A statement that gives a row the hash it must have after another, by default the one before. */
export const rehash = (
  user: number | string,
  seq: number,
  after = seq - 1,
  of = user,
  version: '' | '_1' = '',
): string =>
  // The hash before the update: Citus sends that on to a server, which has no other users.
  `do $$ declare
    h payment_history;
    v_hash bytea := (select p.hash from payment_history p
                      where p.user_id = ${of} and p.seq = ${after});
  begin
    select x.* into h from payment_history x where x.user_id = ${user} and x.seq = ${seq};
    v_hash := ${hashAfter('v_hash', 'h', version)};
    update payment_history x set hash = v_hash where x.user_id = ${user} and x.seq = ${seq};
  end $$`

/** A statement that gives a user's rows of user_controls the hashes that they must have. */
export const rehashControls = (user: number | string): string => `
  do $$ declare k user_controls; v_hash bytea; begin
    for k in select * from user_controls where user_id = ${user} order by number loop
      v_hash := ledger.control_hash(v_hash, k.user_id, k.number, k.at, k.transaction, k.role,
        k.actor, k.operation, k.credit_limit, k.reason, k.position);
      update user_controls set hash = v_hash where user_id = k.user_id and number = k.number;
    end loop;
  end $$`

/** A statement that gives what a user was made as the hash that it must have. */
export const rehashDetails = (user: number | string): string => `
  do $$ declare
    d user_details;
    v_at timestamptz := (select u.created_at from users u where u.id = ${user});
    v_hash bytea;
  begin
    select x.* into d from user_details x where x.user_id = ${user};
    v_hash := ledger.details_hash(d.user_id, v_at, d.reference, d.metadata, d.idempotency_key,
      d.asked_id);
    update user_details x set hash = v_hash where x.user_id = ${user};
  end $$`

/** Gives interventions, from one on, the hashes that they must have. */
const rehashInterventions = (first: string) => `
  do $$ declare
    v record;
    v_erased bigint[] := array(select e.number from erasures e where e.kind = 'intervention');
  begin
    for v in select i.id from interventions i where i.id >= (${first})
        and i.id <> all (v_erased) order by i.id loop
      update interventions i set hash = ledger.intervention_hash(
        (select p.hash from interventions p where p.id = i.id - 1), i) where i.id = v.id;
    end loop;
  end $$`

/** Statements that say falsely that rows were erased: `select 'kind', number, change, hash …`. */
export const forgeErasures = (user: number | string, rows: string): string[] => [
  `insert into erasures (intervention, kind, user_id, number, change, hash)
   select (select coalesce(max(id), 0) + 1 from interventions), f.kind, ${user}, f.number, f.change,
          f.hash
     from (${rows}) f (kind, number, change, hash)`,
  `insert into interventions (id, operation, reason, user_id, hash, before)
   select max(e.intervention), 'ERASE', 'request 4711', ${user}, '', jsonb_build_object(
            'digest', ledger.erasures_digest(max(e.intervention)), 'manual_entries', 0)
     from erasures e`,
  rehashInterventions('select max(o.id) from interventions o'),
]

/** Rows of `forgeErasures`: all of the user's entries as they are by now. */
export const erasedEntries = (user: number | string): string => `
  select 'entry', h.seq, 0, ledger.erased_entry_hash((select p.hash from payment_history p
           where p.user_id = h.user_id and p.seq = h.seq - 1), h)
    from payment_history h where h.user_id = ${user} and h.seq is not null`

/** The same of controls. */
export const erasedControls = (user: number | string): string => `
  select 'control', k.number, 0, ledger.erased_hash(ledger.control_hash((
           select p.hash from user_controls p where p.user_id = k.user_id
              and p.number = k.number - 1), k.user_id, k.number, k.at, k.transaction, k.role,
           k.actor, k.operation, k.credit_limit, k.reason, k.position), k.hash)
    from user_controls k where k.user_id = ${user}`

/** The same of changes of holds. */
export const erasedHolds = (user: number | string): string => `
  select 'hold_change', c.hold, c.number, ledger.erased_hash(ledger.hold_hash((
           select p.hash from hold_changes p where p.user_id = c.user_id and p.hold = c.hold
              and p.number = c.number - 1), c.user_id, c.hold, c.number, c.action, c.amount,
           c.remaining, c.expires_at, c.at, c.seq, c.balance, c.available, c.idempotency_key,
           c.metadata, c.position), c.hash)
    from hold_changes c where c.user_id = ${user}`

/** Gives manual entries of users who weren't erased the hashes that they must have. */
export const REHASH_MANUAL_ENTRIES = `
  update manual_entries m
     set hash = ledger.manual_entry_hash(h, m.id, m.entered_at, m.entered_by)
    from payment_history h
   where h.user_id = m.user_id and (h.seq = m.seq or h.seq is null and h.id = m.id)
     and not exists (select from erasures e where e.user_id = m.user_id)`

/** Statements that give whatever these users have, and interventions, the hashes they must have. */
export const rehashAll = (...ids: number[]): string[] => [
  ...ids.flatMap((id) => [
    `do $$ declare v record; v_hash bytea; begin
       for v in select * from payment_history where user_id = ${id} and seq is not null
           order by seq loop
         update payment_history h set hash = ${hashAfter('v_hash', 'h')}
          where h.user_id = ${id} and h.seq = v.seq returning h.hash into v_hash;
       end loop;
     end $$`,
    rehashHolds(id),
    rehashControls(id),
    rehashDetails(id),
  ]),
  REHASH_MANUAL_ENTRIES,
  rehashInterventions('1'),
]

/** Makes all of these users, and of whom they had transfers with, so many days older. */
export async function ageUsers(sql: postgres.Sql, days: number, ...ids: number[]): Promise<void> {
  const among = `user_id in (${ids.join(',')})`
  // Of UTC, or it depends on the session, which Citus doesn't take.
  const older = (column: string) =>
    `${column} = (${column} at time zone 'UTC' - interval '${days} days') at time zone 'UTC'`
  const rows = await sql.unsafe<{ user_id: string; seq: string }[]>(`
    select user_id, seq from payment_history where ${among} and seq is not null
     order by user_id, seq`)
  await tamper(
    sql,
    `update payment_history set ${older('ts')} where ${among} and ts = sealed_at`,
    `update payment_history set ${older('sealed_at')} where ${among}`,
    ...rows.map(({ user_id, seq }) => rehash(user_id, Number(seq))),
    `update interventions set ${older('at')} where ${among}`,
    rehashInterventions(`select min(o.id) from interventions o where o.${among}`),
    `update users set ${older('created_at')}, ${older('frozen_at')} where id in (${ids.join(',')})`,
    `update user_controls set ${older('at')} where ${among}`,
    ...ids.flatMap((id) => [rehashControls(id), rehashDetails(id)]),
  )
  for (const id of ids) await ageHolds(sql, id, days)
}

export interface Found {
  finding: string
  user_id: string | null
  seq: string | null
}

/** In short, sorted: `gap 5/3`. */
export const inShort = (rows: readonly Found[]): string[] =>
  rows.map(({ finding, user_id, seq }) => `${finding} ${user_id ?? '-'}/${seq ?? '-'}`).sort()

export async function verifyUser(sql: postgres.Sql, id: number): Promise<string[]> {
  return inShort(await sql<Found[]>`select * from verify_user(${id}::bigint)`)
}

export async function verifyLedger(sql: postgres.Sql): Promise<string[]> {
  return inShort(await sql<Found[]>`select * from verify_ledger()`)
}
