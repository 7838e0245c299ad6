create or replace function ledger.erasure_in_shard(table_name text, entry jsonb)
  returns bigint
  language plpgsql stable as $$
declare
  r jsonb := erasure_in_shard.entry;
  v_kind text;
  v_number text;
  v_change text := '0';
  v_id bigint;
begin
  case erasure_in_shard.table_name
    when 'payment_history' then v_kind := 'entry'; v_number := r ->> 'seq';
    when 'hold_changes' then
      v_kind := 'hold_change'; v_number := r ->> 'hold'; v_change := r ->> 'number';
    when 'user_controls' then v_kind := 'control'; v_number := r ->> 'number';
    when 'user_details' then v_kind := 'details'; v_number := '0';
    else return null;
  end case;
  -- The shard itself: within a change of one, Citus plans nothing about its tables.
  execute format(
      'select max(e.intervention) from public.erasures_%s e
        where e.kind = $1 and e.user_id = $2 and e.number = $3 and e.change = $4',
      get_shard_id_for_distribution_column('public.erasures', (r ->> 'user_id')::bigint))
    into v_id
    using v_kind, (r ->> 'user_id')::bigint, v_number::bigint, v_change::bigint;
  return v_id;
end $$;

comment on function ledger.erasure_in_shard is
  'The number of the last intervention that, by what is written down in erasures, takes something out of a row of a shard of this table; null: none. The row is on this server, and so are its erasures.';

revoke all on function ledger.erasure_in_shard from public;
