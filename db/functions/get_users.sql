create or replace function get_users(user_ids bigint[])
  returns table (id bigint, balance numeric, available numeric, seq bigint,
    updated_at timestamptz, version bigint, read_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp
  -- By index whatever the statistics say, as in post_entries.
  set enable_seqscan = off set enable_bitmapscan = off as $$
  -- From the history; users.balance may have been edited.
  select u.id, l.balance, l.balance, l.seq, u.updated_at, l.seq, statement_timestamp()
    from users u, last_entry(u.id) l
   where u.id = any (get_users.user_ids)
$$;

comment on function get_users is
  'Snapshots of the users that exist, in any order: balance and available in units of the currency, the last seq, the version (raised by every change), and the clock of the database before it was read.';

revoke all on function get_users from public;
grant execute on function get_users to ledger_service, ledger_dba;
