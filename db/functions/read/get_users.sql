create or replace function ledger.get_users(user_ids bigint[])
  returns setof ledger.user_snapshot
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  -- From the history; users.balance may have been edited.
  select u.id, coalesce(h.balance, 0.00),
         coalesce(h.balance, 0.00) - coalesce(o.held, 0.00) + coalesce(u.credit_limit, 0.00),
         coalesce(h.seq, 0), greatest(h.sealed_at, u.updated_at),
         coalesce(h.seq, 0) + u.hold_changes, statement_timestamp(),
         floor(extract(epoch from o.expires_at - statement_timestamp()) * 1000)::bigint
    from public.users u
    left join lateral (
      select p.seq, p.balance, p.sealed_at from public.payment_history p
       where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
    left join lateral (
      select sum(a.remaining) as held, min(nullif(a.expires_at, 'infinity')) as expires_at
        from public.holds a where u.hold_changes > 0 and a.user_id = u.id and a.status = 'active'
         and a.expires_at > statement_timestamp()) o on true
   where u.id = any (get_users.user_ids)
$$;

comment on function ledger.get_users is
  'Snapshots of the users that exist, in any order: balance and available in units of the currency, the last seq, the version (raised by every change), the clock of the database before it was read, and in how many milliseconds its first hold expires.';

revoke all on function ledger.get_users from public;
grant execute on function ledger.get_users to ledger_service, ledger_dba;
