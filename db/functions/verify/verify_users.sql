create or replace function ledger.verify_users(
  after_user_id bigint default 0, max_rows integer default 10000,
  upto_user_id bigint default 9223372036854775807, pending_limit interval default '1 day')
  returns table (findings ledger.finding[], rows_read bigint, next_user_id bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_last_id bigint;
  v_copies ledger.finding[];
begin
  select count(*), max(c.id), array_agg(case
           when c.seq > c.last_seq then row('tail_missing', c.id, c.seq,
             format('users.seq is %s, the last entry %s.', c.seq, c.last_seq))::ledger.finding
           else row('copy_differs', c.id, c.last_seq,
             format('users has balance %s at %s, the history %s at %s.', c.balance, c.seq,
               c.last_balance, c.last_seq))::ledger.finding end)
           filter (where (c.seq, c.balance) is distinct from (c.last_seq, c.last_balance))
    into rows_read, v_last_id, v_copies
    from (
      select u.id, u.seq, u.balance, coalesce(h.seq, 0) as last_seq,
             coalesce(h.balance, 0) as last_balance
        from public.users u
        left join lateral (
          select p.seq, p.balance from public.payment_history p
           where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
       where u.id > verify_users.after_user_id and u.id <= verify_users.upto_user_id
       order by u.id limit verify_users.max_rows) c;
  next_user_id := case when rows_read = verify_users.max_rows then v_last_id end;

  findings := coalesce(v_copies, '{}') || array(
    select row('pending_too_long', h.user_id, null,
             format('Row %s has been pending since %s.', h.id, h.ts))::ledger.finding
      from public.payment_history h
     where h.seq is null and h.user_id > verify_users.after_user_id
       and h.user_id <= coalesce(next_user_id, verify_users.upto_user_id)
       and h.ts < statement_timestamp() - verify_users.pending_limit
    union all
    select f from ledger.verify_manual_entries(verify_users.after_user_id,
      coalesce(next_user_id, verify_users.upto_user_id)) f
    union all
    select f from ledger.verify_controls(verify_users.after_user_id,
      coalesce(next_user_id, verify_users.upto_user_id)) f
    union all
    select f from ledger.verify_details(verify_users.after_user_id,
      coalesce(next_user_id, verify_users.upto_user_id)) f
    union all
    select f from ledger.verify_holds(verify_users.after_user_id,
      coalesce(next_user_id, verify_users.upto_user_id)) f);
  return next;
end $$;

comment on function ledger.verify_users is
  'Verifies at most max_rows users after an id, up to another: the copies in users, manual entries, also those that have been pending for longer than pending_limit by their ts, controls, details, and holds. Findings, how many users it read, and the id to go on after (null: that was all). Sees one moment and waits for nobody.';

revoke all on function ledger.verify_users from public;
grant execute on function ledger.verify_users to ledger_dba;
