create or replace function ledger.locked_shards(shard_ids bigint[])
  returns bigint[]
  -- Far longer than a look at the lock takes, and far shorter than a move.
  language plpgsql volatile set lock_timeout = '10ms' as $$
declare
  v_locked bigint[] := '{}';
  v_id bigint;
begin
  begin
    perform lock_shard_metadata(5, locked_shards.shard_ids);
    return v_locked;
  exception when lock_not_available then
    -- One of them.
  end;
  foreach v_id in array locked_shards.shard_ids loop
    begin
      perform lock_shard_metadata(5, array[v_id]);
    exception when lock_not_available then
      v_locked := array_append(v_locked, v_id);
    end;
  end loop;
  return v_locked;
end $$;

comment on function ledger.locked_shards is
  'Locks shards as keeps_shard does, but waits for none: returns those that somebody else is moving.';

revoke all on function ledger.locked_shards from public;
