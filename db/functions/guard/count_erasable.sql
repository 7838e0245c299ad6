create or replace function ledger.count_erasable(user_id bigint)
  returns bigint
  language plpgsql stable as $$
declare
  v_count bigint;
  v_all bigint;
begin
  -- A statement for each table: where users are on several servers, interventions are on one.
  select count(*) into v_all from ledger.erasable_entries(count_erasable.user_id, 'infinity');
  select count(*) + v_all into v_all
    from ledger.erasable_interventions(count_erasable.user_id, 'infinity');
  select count(*) into v_count from public.payment_history h
   where h.user_id = count_erasable.user_id and h.seq is null
     and num_nonnulls(h.idempotency_key, h.metadata) > 0;
  v_all := v_all + v_count;
  select count(distinct c.hold) into v_count from public.hold_changes c
   where c.user_id = count_erasable.user_id and num_nonnulls(c.idempotency_key, c.metadata) > 0
     and not exists (select from public.erasures e where e.kind = 'hold_change'
                        and e.user_id = c.user_id and e.number = c.hold);
  v_all := v_all + v_count;
  select count(*) into v_count from public.user_controls k
   where k.user_id = count_erasable.user_id and k.reason is not null;
  v_all := v_all + v_count;
  select count(*) into v_count from public.user_details d
   where d.user_id = count_erasable.user_id
     and num_nonnulls(d.reference, d.metadata, d.idempotency_key) > 0;
  return v_all + v_count;
end $$;

comment on function ledger.count_erasable is
  'How much there is of a user that erase_user would erase, were it old enough, posted or ended.';

revoke all on function ledger.count_erasable from public;
