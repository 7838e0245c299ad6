create or replace function ledger.add_hold_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  v_placed public.hold_changes;
  v_last public.hold_changes;
  v public.hold_changes;
  v_holds bigint[] := array(select o.hold from ledger.erasable_holds(add_hold_erasures.user_id,
    add_hold_erasures.before) o);
begin
  -- Every change of a hold: the hashes of earlier versions were over all of it.
  for v in
    select c.* from public.hold_changes c
     where c.user_id = add_hold_erasures.user_id and c.hold = any (v_holds)
     order by c.hold, c.number
  loop
    if v.number = 1 then
      v_placed := v;
      v_last := null;
    end if;
    if ledger.hold_change_problem(v_placed, v_last, v) is not null then
      raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
        detail = format('Change %s of hold %s is not what it has to be.', v.number, v.hold),
        hint = 'Find out why with verify_user first: nobody could tell afterwards.';
    end if;
    insert into public.erasures (intervention, kind, user_id, number, change, hash)
    values (add_hold_erasures.intervention, 'hold_change', v.user_id, v.hold, v.number,
           ledger.erased_hash(ledger.hold_hash(v_last.hash, v.user_id, v.hold, v.number, v.action,
             v.amount, v.remaining, v.expires_at, v.at, v.seq, v.balance, v.available, null,
             case when num_nonnulls(v.idempotency_key, v.metadata) > 0
               then jsonb_build_object('erased', add_hold_erasures.intervention) end,
             v.position), v.hash));
    v_last := v;
  end loop;
end $$;

comment on function ledger.add_hold_erasures is
  'Writes down what will be left of each change of the holds that an intervention is about to erase of a user. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_hold_erasures from public;
