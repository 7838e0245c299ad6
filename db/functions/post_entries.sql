create or replace function post_entries(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[] default null,
  metadatas jsonb[] default null, wait boolean default false, max_pending integer default 1000)
  returns table (n bigint, status text, user_id bigint, seq bigint, action text, amount numeric,
    balance numeric, available numeric, ts timestamptz, replayed boolean, shortfall numeric,
    metadata jsonb, hash text, version bigint, user_seq bigint, updated_at timestamptz,
    read_at timestamptz, expires_in_ms bigint)
  language plpgsql volatile security definer set search_path = public, pg_temp
  -- By index whatever the statistics say: after a bulk load they are wrong until the next analyze,
  -- and every debit would read the whole table.
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning some 30 statements anew for each call took two thirds of it.
  set plan_cache_mode = force_generic_plan as $$
declare
  v_locked bigint[] := lock_users(post_entries.user_ids, post_entries.wait);
  v_statuses jsonb := seal_users(post_entries.user_ids, v_locked, post_entries.max_pending);
  v_now timestamptz := clock_timestamp();
begin
  return query
    with decided as materialized (
      select d.* from decide_entries(post_entries.user_ids, post_entries.actions,
        post_entries.amounts, post_entries.idempotency_keys, post_entries.metadatas, v_statuses,
        v_now) d
    ), inserted as (
      insert into payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
        idempotency_key, metadata, held, hash)
      select d.user_id, d.action, d.amount, d.ts, d.seq, d.balance, d.sealed_at,
             d.key, d.metadata, d.held, d.hash
        from decided d where d.is_new
    ), copied as (
      update users u set balance = d.user_balance, seq = d.user_seq, updated_at = d.updated_at
        from (select distinct on (d.user_id) d.* from decided d order by d.user_id, d.n desc) d
       where u.id = d.user_id and u.id = any (v_locked)
         and (u.balance, u.seq) is distinct from (d.user_balance, d.user_seq)
    )
    select d.n, d.status, d.user_id, d.seq, d.action, d.amount, d.balance, d.balance - d.held, d.ts,
           d.replayed, case when d.amount > d.balance - d.held and not d.is_new and not d.replayed
             then d.amount - (d.balance - d.held) end, d.metadata, encode(d.hash, 'hex'),
           d.version, d.user_seq,
           case when d.replayed then d.sealed_at else d.updated_at end, v_now, d.expires_in_ms
      from decided d order by d.n;
end $$;

comment on function post_entries is
  'What every door to the ledger does, for up to some thousand items at once: locks the users, seals at most max_pending hand-made rows of each (null: all), applies the items in order (action CREDIT, DEBIT, or null: only recalculate), and answers a row for each, in order, with status ok or a SQLSTATE instead of raising it; with version, user_seq, balance, available and updated_at as they are for the user after the item, at read_at by the clock of the database. 55P03: somebody else holds the user (without wait), or hand-made rows are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function post_entries from public;
grant execute on function post_entries to ledger_service;
