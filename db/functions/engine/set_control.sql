create or replace function ledger.set_control(
  operation text, user_id bigint, credit_limit numeric, reason text, actor text)
  returns ledger.user_state
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  a ledger.account;
  v ledger.user_state;
  v_at timestamptz;
begin
  if set_control.operation = 'CREDIT LIMIT' and set_control.credit_limit <> 0
    and not ledger.is_valid_amount(set_control.credit_limit) then
    perform ledger.raise_status('LGAMT', set_control.user_id, set_control.credit_limit);
  elsif length(set_control.reason) not between 1 and 1000 then
    perform ledger.raise_status('22023', set_control.user_id);
  end if;
  a := ledger.lock_account(set_control.user_id);
  if a.problem is not null then
    perform ledger.raise_status(a.problem, set_control.user_id);
  end if;
  v := ledger.get_user_state(set_control.user_id);
  v.changed := case set_control.operation when 'FREEZE' then v.frozen_at is null
    when 'THAW' then v.frozen_at is not null
    when 'CREDIT LIMIT' then v.credit_limit <> coalesce(set_control.credit_limit, 0.00) end;
  if not v.changed then
    perform ledger.copy_accounts(array[a]);
    return v;
  end if;

  v_at := ledger.next_moment(greatest(a.updated_at, a.posted_at));
  case set_control.operation
    when 'FREEZE' then v.frozen_at := v_at;
    when 'THAW' then v.frozen_at := null;
    when 'CREDIT LIMIT' then v.credit_limit := round(coalesce(set_control.credit_limit, 0), 2);
  end case;
  perform ledger.add_control(set_control.user_id, v_at, set_control.operation,
    case set_control.operation when 'CREDIT LIMIT' then v.credit_limit end, set_control.reason,
    set_control.actor);
  update public.users u
     set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes + 1, updated_at = v_at,
         frozen_at = v.frozen_at, credit_limit = nullif(v.credit_limit, 0)
   where u.id = set_control.user_id;
  return v;
end $$;

comment on function ledger.set_control is
  'FREEZE, THAW or CREDIT LIMIT (null: none) of a user, with who did it and why in user_controls; posts what is pending. What is so already is left as it is. Returns what holds from now on. Raises LGUSR, LGAMT, LGRNG, 22023 (a reason of more than 1000 characters), 55P03 (lock_timeout).';

revoke all on function ledger.set_control from public;
grant execute on function ledger.set_control to ledger_service;
