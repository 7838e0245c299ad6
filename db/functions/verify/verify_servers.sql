create or replace function ledger.verify_servers()
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v_findings ledger.finding[] := array(
    select f from ledger.verify_interventions() f
    union all select f from ledger.verify_references() f
    union all select f from ledger.verify_shards() f);
begin
  if ledger.is_distributed() and cardinality(v_findings) > 0 then
    v_findings := ledger.verify_servers_again(v_findings);
  end if;
  return query select f.* from unnest(v_findings) f;
end $$;

comment on function ledger.verify_servers is
  'The findings of verify_interventions, verify_references and verify_shards, where users are on several servers those that a second look has, too. Internal.';

revoke all on function ledger.verify_servers from public;
