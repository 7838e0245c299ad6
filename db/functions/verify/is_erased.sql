create or replace function ledger.is_erased(
  kind text, user_id bigint, number bigint, change bigint, hash bytea)
  returns boolean
  language sql stable as $$
  select coalesce((
    select e.hash = is_erased.hash from public.erasures e
     where e.kind = is_erased.kind and e.user_id = is_erased.user_id
       and e.number = is_erased.number and e.change = is_erased.change
     order by e.intervention desc limit 1), false)
$$;

comment on function ledger.is_erased is
  'Whether a row is what its last erasure left; hash: erased_hash of the row as it is.';

revoke all on function ledger.is_erased from public;
