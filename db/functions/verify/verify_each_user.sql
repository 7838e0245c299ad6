create or replace function ledger.verify_each_user(
  after_user_id bigint, upto_user_id bigint, pending_limit interval)
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  return query select f.* from ledger.verify_copies(verify_each_user.after_user_id,
    verify_each_user.upto_user_id) f;
  return query
    select 'pending_too_long', h.user_id, null::bigint,
           format('Row %s has been pending since %s.', h.id, h.ts)
      from public.payment_history h
     where h.seq is null and h.user_id > verify_each_user.after_user_id
       and h.user_id <= verify_each_user.upto_user_id
       and h.ts < statement_timestamp() - verify_each_user.pending_limit;
  return query select f.* from ledger.verify_manual_entries(verify_each_user.after_user_id,
    verify_each_user.upto_user_id) f;
  return query select f.* from ledger.verify_controls(verify_each_user.after_user_id,
    verify_each_user.upto_user_id) f;
  return query select f.* from ledger.verify_details(verify_each_user.after_user_id,
    verify_each_user.upto_user_id) f;
  return query select f.* from ledger.verify_holds(verify_each_user.after_user_id,
    verify_each_user.upto_user_id) f;
end $$;

comment on function ledger.verify_each_user is
  'The findings of verify_users about a range of users. Internal.';

revoke all on function ledger.verify_each_user from public;
