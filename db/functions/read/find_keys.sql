create or replace function ledger.find_keys(
  user_id bigint, prefix text, max_rows integer default 10000)
  returns setof text
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  -- The first text, by its bytes, behind all that begin with the prefix.
  v_end text := left(find_keys.prefix, -1) || chr(ascii(right(find_keys.prefix, 1)) + 1);
begin
  return query
    select substr(x.key, length(find_keys.prefix) + 1)
      from (
        (select h.idempotency_key from public.payment_history h
          where h.user_id = find_keys.user_id
            and h.idempotency_key ~>=~ find_keys.prefix and h.idempotency_key ~<~ v_end
          order by h.idempotency_key using ~<~ limit find_keys.max_rows)
        union all
        (select c.idempotency_key from public.hold_changes c
          where c.user_id = find_keys.user_id
            and c.idempotency_key ~>=~ find_keys.prefix and c.idempotency_key ~<~ v_end
          order by c.idempotency_key using ~<~ limit find_keys.max_rows)) x (key)
     order by x.key using ~<~ limit find_keys.max_rows;
end $$;

comment on function ledger.find_keys is
  'The first max_rows idempotency keys of a user that begin with prefix (1 character or more), of entries and of changes of holds, in the order of their bytes; of each, what stands behind the prefix.';

revoke all on function ledger.find_keys from public;
grant execute on function ledger.find_keys to ledger_service, ledger_dba;
