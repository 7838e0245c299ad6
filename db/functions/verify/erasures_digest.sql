create or replace function ledger.erasures_digest(intervention bigint)
  returns text
  language sql stable as $$
  select encode(sha256(coalesce(string_agg(e.hash, '' order by e.kind collate "C", e.user_id,
           e.number, e.change), '')), 'hex')
    from public.erasures e where e.intervention = erasures_digest.intervention
$$;

comment on function ledger.erasures_digest is
  'One hash, in hex, of all that an intervention erased, which the row of the intervention keeps.';

revoke all on function ledger.erasures_digest from public;
