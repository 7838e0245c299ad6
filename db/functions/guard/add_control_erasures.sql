create or replace function ledger.add_control_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  k public.user_controls;
  v_previous bytea;
begin
  for k in
    select x.* from public.user_controls x
     where x.user_id = add_control_erasures.user_id and x.at < add_control_erasures.before
     order by x.number
  loop
    if k.reason is not null then
      if k.hash <> ledger.control_hash(v_previous, k.user_id, k.number, k.at, k.transaction,
        k.role, k.actor, k.operation, k.credit_limit, k.reason, k.position) then
        raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
          detail = format('Control %s of user %s is not what its hash says.', k.number, k.user_id),
          hint = 'Find out why with verify_user first: nobody could tell afterwards.';
      end if;
      insert into public.erasures (intervention, kind, user_id, number, hash)
      values (add_control_erasures.intervention, 'control', k.user_id, k.number,
        ledger.erased_hash(ledger.control_hash(v_previous, k.user_id, k.number, k.at,
          k.transaction, k.role, k.actor, k.operation, k.credit_limit, null, k.position), k.hash));
    end if;
    v_previous := k.hash;
  end loop;
end $$;

comment on function ledger.add_control_erasures is
  'Writes down what will be left of each control of a user from before a moment whose reason an intervention is about to erase. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_control_erasures from public;
