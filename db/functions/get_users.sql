create or replace function get_users(user_ids bigint[])
  returns setof user_snapshot
  language sql stable security definer set search_path = public, pg_temp
  -- By index whatever the statistics say, as in post_entries.
  set enable_seqscan = off set enable_bitmapscan = off as $$
  -- From the history; users.balance may have been edited.
  select s.id, s.balance, s.balance - s.held, s.seq, s.updated_at, s.seq + s.hold_changes,
         statement_timestamp(), s.expires_in_ms
    from user_states(get_users.user_ids, statement_timestamp()) s
$$;

comment on function get_users is
  'Snapshots of the users that exist, in any order: balance and available in units of the currency, the last seq, the version (raised by every change), the clock of the database before it was read, and in how many milliseconds its first hold expires.';

revoke all on function get_users from public;
grant execute on function get_users to ledger_service, ledger_dba;
