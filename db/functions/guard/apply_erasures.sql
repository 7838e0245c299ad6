create or replace function ledger.apply_erasures(intervention bigint, user_id bigint)
  returns void
  language plpgsql volatile as $$
declare
  v_mark jsonb := jsonb_build_object('erased', apply_erasures.intervention);
  v_ids bigint[];
begin
  update public.payment_history h
     set metadata = v_mark,
         idempotency_key = case when h.user_id <> apply_erasures.user_id then h.idempotency_key end
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'entry'
     and h.user_id = e.user_id and h.seq = e.number;
  update public.hold_changes c
     set metadata = v_mark, idempotency_key = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'hold_change'
     and e.user_id = apply_erasures.user_id
     and c.user_id = e.user_id and c.hold = e.number and c.number = e.change
     and num_nonnulls(c.idempotency_key, c.metadata) > 0;
  -- No join: where users are on several servers, interventions are on one.
  v_ids := array(select e.number from public.erasures e
                  where e.intervention = apply_erasures.intervention and e.kind = 'intervention'
                    and e.user_id = apply_erasures.user_id);
  update public.interventions i
     set before = i.before - '{metadata,idempotency_key}'::text[]
   where i.id = any (v_ids);
  update public.user_controls k set reason = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'control'
     and e.user_id = apply_erasures.user_id and k.user_id = e.user_id and k.number = e.number;
  update public.user_details d
     set reference = null, metadata = null, idempotency_key = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'details'
     and e.user_id = apply_erasures.user_id and d.user_id = e.user_id;
  if found then
    delete from public.user_references r where r.user_id = apply_erasures.user_id;
    delete from public.user_keys k where k.user_id = apply_erasures.user_id;
  end if;
end $$;

comment on function ledger.apply_erasures is
  'Takes out what an intervention erases of a user: what add_erasures wrote down, and what leads to the user by the reference and the key that are gone.';

revoke all on function ledger.apply_erasures from public;
