create or replace function ledger.load_target(
  operation text, user_id bigint, ref bigint, amount numeric, expires_in numeric)
  returns ledger.target
  language plpgsql volatile as $$
declare
  v ledger.target;
  v_now timestamptz;
  v_status text;
  v_amount numeric;
  v_remaining numeric;
  v_new_expiry timestamptz;
begin
  if load_target.operation in ('CAPTURE', 'CAPTURE PART', 'RELEASE', 'EXTEND') then
    v_now := clock_timestamp();
    select h.status, h.amount, h.remaining, h.expires_at, h.changes, h.hash
      into v_status, v_amount, v_remaining, v.expires_at, v.changes, v.hash
      from public.holds h where h.user_id = load_target.user_id and h.hold = load_target.ref;
    v.hold := load_target.ref;
    case load_target.operation
      when 'EXTEND' then
        v.amount := v_amount;
        v.held := 0;
        -- What isn't valid may be out of the range of an interval.
        if ledger.is_valid_expiry(load_target.expires_in) then
          v_new_expiry := ledger.expires_after(v_now, load_target.expires_in);
        end if;
      when 'RELEASE' then
        v.amount := v_remaining;
        v.held := v_remaining;
      else
        -- Without a hold there is nothing that an operation with this key could have done.
        v.action := case when v_status is not null then 'DEBIT' end;
        v.amount := coalesce(load_target.amount, v_remaining);
        v.held := case load_target.operation when 'CAPTURE' then v_remaining else v.amount end;
    end case;
    v.remaining := v_remaining - v.held;
    v.problem := ledger.hold_problem(v_status, v.expires_at, v_now, v_remaining,
      case when v.action is not null then v.amount end, v_new_expiry);
  elsif load_target.operation = 'REVERSE' then
    select h.seq, ledger.opposite_of(h.action), h.amount, h.peer_user_id, h.peer_seq
      into v.reverses, v.action, v_remaining, v.peer_user_id, v.peer_reverses
      from public.payment_history h
     where h.user_id = load_target.user_id and h.seq = load_target.ref;
    v_remaining := v_remaining - coalesce((select sum(h.amount) from public.payment_history h
      where h.user_id = load_target.user_id and h.reverses = load_target.ref), 0);
    v.amount := coalesce(load_target.amount, v_remaining);
    v.problem := ledger.entry_problem(v.reverses, v_remaining, v.amount);
  end if;
  return v;
end $$;

comment on function ledger.load_target is
  'What a capture, a release, an extension or a reversal is about: the hold or entry ref of a user, with what that makes of the operation (action, amount; null: all that is left), what of a hold is no longer held afterwards (held) and what remains, and problem, if it can''t be done.';

revoke all on function ledger.load_target from public;
