create or replace function ledger.erasures_digest(intervention bigint)
  returns text
  language plpgsql stable as $$
declare
  v_hashes bytea;
begin
  select string_agg(e.hash, '' order by e.kind collate "C", e.user_id, e.number, e.change)
    into v_hashes from public.erasures e where e.intervention = erasures_digest.intervention;
  return encode(sha256(coalesce(v_hashes, '')), 'hex');
end $$;

comment on function ledger.erasures_digest is
  'One hash, in hex, of all that an intervention erased, which the row of the intervention keeps.';

revoke all on function ledger.erasures_digest from public;
