create or replace function ledger.is_erasure(table_name text, before jsonb, after jsonb)
  returns boolean
  language plpgsql stable as $$
declare
  v_id bigint;
  v_mark text;
begin
  select i.id, case i.operation when 'ERASE' then 'erased' else 'archived' end into v_id, v_mark
    from public.interventions i
   where i.transaction = pg_current_xact_id() and i.at >= now()
     and i.operation in ('ERASE', 'ARCHIVE')
   order by i.id desc limit 1;
  if not found then return false; end if;
  return case
    when is_erasure.table_name in ('payment_history', 'hold_changes') then
      is_erasure.after - '{metadata,idempotency_key}'::text[]
        = is_erasure.before - '{metadata,idempotency_key}'::text[]
      and is_erasure.after -> 'metadata' = jsonb_build_object(v_mark, v_id)
      and is_erasure.after -> 'idempotency_key'
        in (case v_mark when 'erased' then 'null'::jsonb end,
          is_erasure.before -> 'idempotency_key')
    when v_mark = 'archived' then false
    when is_erasure.table_name = 'interventions' then
      is_erasure.after - 'before' = is_erasure.before - 'before'
      and is_erasure.after -> 'before'
        = (is_erasure.before -> 'before') - '{metadata,idempotency_key}'::text[]
    when is_erasure.table_name = 'user_controls' then
      is_erasure.after = is_erasure.before || '{"reason": null}'
    when is_erasure.table_name = 'user_details' then
      is_erasure.after = is_erasure.before
        || '{"reference": null, "metadata": null, "idempotency_key": null}'
    else false end;
end $$;

comment on function ledger.is_erasure is
  'Whether a change of a row does no more than take out what the intervention of this transaction that erases or archives takes out.';

revoke all on function ledger.is_erasure from public;
