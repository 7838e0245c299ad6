create or replace function ledger.is_erased(
  kind text, user_id bigint, number bigint, change bigint, hash bytea)
  returns boolean
  language plpgsql stable as $$
declare
  v_hash bytea;
begin
  select e.hash into v_hash from public.erasures e
   where e.kind = is_erased.kind and e.user_id = is_erased.user_id
     and e.number = is_erased.number and e.change = is_erased.change
   order by e.intervention desc limit 1;
  return coalesce(v_hash = is_erased.hash, false);
end $$;

comment on function ledger.is_erased is
  'Whether a row is what its last erasure left; hash: erased_hash of the row as it is.';

revoke all on function ledger.is_erased from public;
