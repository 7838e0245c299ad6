create or replace function ledger.verify_servers_again(findings ledger.finding[])
  returns ledger.finding[]
  -- Volatile, so that it sees what was committed since its caller began.
  language plpgsql volatile as $$
declare
  v_findings ledger.finding[];
begin
  perform ledger.await_prepared();
  v_findings := array(
    select f from ledger.verify_interventions() f
    union all select f from ledger.verify_references() f
    union all select f from ledger.verify_shards() f);
  -- What is new may be on its way. And a server that didn't answer meanwhile isn't without guards.
  perform ledger.await_prepared();
  return array(select f from unnest(v_findings) f
                where f = any (verify_servers_again.findings));
end $$;

comment on function ledger.verify_servers_again is
  'Which findings of verify_servers a second look has, too, for where users are on several servers: a user who was on the way to its server in the first is there by now, and so is a shard, and what was erased. Raises 08006 if a server doesn''t answer. Internal.';

revoke all on function ledger.verify_servers_again from public;
