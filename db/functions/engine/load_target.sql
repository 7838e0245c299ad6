create or replace function ledger.load_target(
  operation text, user_id bigint, ref bigint, amount numeric)
  returns ledger.target
  language plpgsql volatile as $$
declare
  v ledger.target;
  v_hold public.holds;
  v_entry public.payment_history;
begin
  if load_target.operation in ('CAPTURE', 'RELEASE') then
    select h.* into v_hold from public.holds h
     where h.user_id = load_target.user_id and h.hold = load_target.ref;
    -- Without a hold there is nothing that an operation with this key could have done.
    v.action := case when v_hold.hold is not null then 'DEBIT' end;
    v.hold := load_target.ref;
    v.held := v_hold.amount;
    v.amount := coalesce(load_target.amount, v_hold.amount);
    v.problem := ledger.hold_problem(v_hold.status, v_hold.expires_at, clock_timestamp(), v.held,
      v.amount);
  elsif load_target.operation = 'REVERSE' then
    select h.* into v_entry from public.payment_history h
     where h.user_id = load_target.user_id and h.seq = load_target.ref;
    v.action := ledger.opposite_of(v_entry.action);
    v.amount := v_entry.amount;
    v.reverses := v_entry.seq;
    v.peer_user_id := v_entry.peer_user_id;
    v.peer_reverses := v_entry.peer_seq;
    v.problem := ledger.entry_problem(v_entry.seq, exists (
      select from public.payment_history h where h.user_id = load_target.user_id
         and h.hold is null and h.reverses = load_target.ref));
  end if;
  return v;
end $$;

comment on function ledger.load_target is
  'What a capture, a release or a reversal is about: the hold or entry ref of a user, with what that makes of the operation (action, amount; null: all of the hold), and problem, if it can''t be done.';

revoke all on function ledger.load_target from public;
