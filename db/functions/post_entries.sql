create or replace function post_entries(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[] default null,
  metadatas jsonb[] default null, wait boolean default false, max_pending integer default 1000)
  returns table (n bigint, status text, user_id bigint, seq bigint, action text, amount numeric,
    balance numeric, available numeric, ts timestamptz, replayed boolean, shortfall numeric,
    metadata jsonb, version bigint, updated_at timestamptz, read_at timestamptz)
  language plpgsql volatile security definer set search_path = public, pg_temp
  -- By index whatever the statistics say: after a bulk load they are wrong until the next analyze,
  -- and every debit would read the whole table.
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_locked bigint[] := lock_users(post_entries.user_ids, post_entries.wait);
  v_now timestamptz := clock_timestamp();
  v_statuses jsonb;
begin
  -- What committed before we got the locks is visible from this statement on, not before.
  select jsonb_object_agg(u.id, case
           when u.id <> all (v_locked) then '55P03'
           when exists (select from payment_history h where h.user_id = u.id and h.seq is null)
             then seal_pending(u.id, post_entries.max_pending)
           else 'ok' end)
    into v_statuses
    from users u where u.id = any (post_entries.user_ids);

  return query
    with decided as materialized (
      select d.n, d.status, d.is_new, d.replayed, d.version, (d.entry).*
        from decide_entries(post_entries.user_ids, post_entries.actions, post_entries.amounts,
               post_entries.idempotency_keys, post_entries.metadatas,
               coalesce(v_statuses, '{}')) d
    ), inserted as (
      insert into payment_history
        (user_id, action, amount, ts, seq, balance, sealed_at, idempotency_key, metadata)
      select d.user_id, d.action, d.amount, d.ts, d.seq, d.balance, d.sealed_at,
             d.idempotency_key, d.metadata
        from decided d where d.is_new order by d.user_id, d.seq
    )
    select d.n, d.status, d.user_id, d.seq, d.action, d.amount, d.balance, d.balance, d.ts,
           d.replayed, case d.status when 'LGFND' then d.amount - d.balance end, d.metadata,
           d.version, coalesce(d.sealed_at, (select u.updated_at from users u where u.id = d.user_id)),
           v_now
      from decided d order by d.n;

  -- users.balance is a copy: it is set from the history, never the other way round.
  update users u
     set balance = l.balance, seq = l.seq, updated_at = coalesce(l.sealed_at, u.updated_at)
    from unnest(v_locked) k (id), last_entry(k.id) l
   where u.id = k.id and (u.balance, u.seq) is distinct from (l.balance, l.seq);
end $$;

comment on function post_entries is
  'What every door to the ledger does, for up to some thousand items at once: locks the users, seals at most max_pending hand-made rows of each (null: all), applies the items in order (action CREDIT, DEBIT, or null: only recalculate), and answers a row for each, in order, with status ok or a SQLSTATE instead of raising it; with version, balance, available and updated_at as they are for the user after the item, at read_at by the clock of the database. 55P03: somebody else holds the user (without wait), or hand-made rows are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function post_entries from public;
grant execute on function post_entries to ledger_service;
