create or replace function ledger.add_control(
  user_id bigint, at timestamptz, operation text, credit_limit numeric, reason text, actor text)
  returns void
  language plpgsql volatile as $$
declare
  v_number bigint;
  v_previous bytea;
  v_transaction xid8 := pg_current_xact_id();
  v_position bigint := nextval('public.payment_history_id_seq');
begin
  select k.number, k.hash into v_number, v_previous
    from public.user_controls k where k.user_id = add_control.user_id
   order by k.number desc limit 1;
  v_number := coalesce(v_number, 0) + 1;
  insert into public.user_controls (user_id, number, at, transaction, role, actor, operation,
    credit_limit, reason, position, hash)
  values (add_control.user_id, v_number, add_control.at, v_transaction, session_user,
    add_control.actor, add_control.operation, add_control.credit_limit, add_control.reason,
    v_position, ledger.control_hash(v_previous, add_control.user_id, v_number, add_control.at,
      v_transaction, session_user, add_control.actor, add_control.operation,
      add_control.credit_limit, add_control.reason, v_position));
end $$;

comment on function ledger.add_control is
  'Writes down a control of a user whom the caller has locked: numbered, and chained to the one before.';

revoke all on function ledger.add_control from public;
