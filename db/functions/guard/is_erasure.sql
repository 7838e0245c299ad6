create or replace function ledger.is_erasure(table_name text, before jsonb, after jsonb)
  returns boolean
  language plpgsql stable as $$
declare
  v_table text := regexp_replace(is_erasure.table_name, '_[0-9]+$', '');
  v_id bigint;
  v_mark text;
begin
  if v_table = is_erasure.table_name then
    select i.id, case i.operation when 'ERASE' then 'erased' else 'archived' end into v_id, v_mark
      from public.interventions i
     where i.transaction = pg_current_xact_id() and i.at >= now()
       and i.operation in ('ERASE', 'ARCHIVE')
     order by i.id desc limit 1;
  else
    v_id := ledger.erasure_in_shard(v_table, is_erasure.after);
    v_mark := case when is_erasure.after -> 'metadata' ? 'archived' then 'archived' else 'erased' end;
    -- Only once: afterwards the row is what the erasure left, and stays so.
    if is_erasure.before -> 'metadata' in (jsonb_build_object('erased', v_id),
      jsonb_build_object('archived', v_id)) then
      return false;
    end if;
  end if;
  if v_id is null then return false; end if;
  return case
    when v_table in ('payment_history', 'hold_changes') then
      is_erasure.after - '{metadata,idempotency_key}'::text[]
        = is_erasure.before - '{metadata,idempotency_key}'::text[]
      and is_erasure.after -> 'metadata' = jsonb_build_object(v_mark, v_id)
      and is_erasure.after -> 'idempotency_key'
        in (case v_mark when 'erased' then 'null'::jsonb end,
          is_erasure.before -> 'idempotency_key')
    when v_mark = 'archived' then false
    when v_table = 'interventions' then
      is_erasure.after - 'before' = is_erasure.before - 'before'
      and is_erasure.after -> 'before'
        = (is_erasure.before -> 'before') - '{metadata,idempotency_key}'::text[]
    when v_table = 'user_controls' then
      is_erasure.after = is_erasure.before || '{"reason": null}'
    when v_table = 'user_details' then
      is_erasure.after = is_erasure.before
        || '{"reference": null, "metadata": null, "idempotency_key": null}'
    else false end;
end $$;

comment on function ledger.is_erasure is
  'Whether a change of a row does no more than take out what the intervention of this transaction that erases or archives takes out; of a row of a shard, what was written down in erasures to be taken out.';

revoke all on function ledger.is_erasure from public;
