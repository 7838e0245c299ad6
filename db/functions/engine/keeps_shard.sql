create or replace function ledger.keeps_shard(shard_id bigint)
  returns boolean
  language plpgsql volatile as $$
begin
  -- ShareLock, as Citus takes it for its own statements: whoever moves the shard waits for the end
  -- of this transaction, or this for the end of the move. In an expression, which costs a fifth of a
  -- statement.
  if to_regnamespace('ledger_' || keeps_shard.shard_id) is null
    or current_setting('transaction_isolation') <> 'read committed'
    or lock_shard_metadata(5, array[keeps_shard.shard_id]) is null then
    return false;
  end if;
  -- In the next statement, which sees where the shard is by now, unless it sees what the first
  -- statement of the transaction did.
  perform from pg_dist_placement p
    where p.shardid = keeps_shard.shard_id
      and p.groupid = (select l.groupid from pg_dist_local_group l);
  return found;
end $$;

comment on function ledger.keeps_shard is
  'Keeps a shard of users on this server until the end of the transaction, if it is here, with its functions; returns whether it is.';

revoke all on function ledger.keeps_shard from public;
