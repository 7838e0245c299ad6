create or replace function ledger.lock_each(
  user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile as $$
declare
  v_accounts ledger.account[] := '{}';
  v_part ledger.account[];
  v_first_id bigint;
  v_ids bigint[];
begin
  -- post asks for generic plans, but Citus can't plan all of its statements before it knows the
  -- user. It lasts until the end of post.
  perform set_config('plan_cache_mode', 'auto', true);
  -- All before it looks at one, and always in the same order, as lock_accounts does.
  for v_first_id, v_ids in select s.first_id, s.ids from ledger.by_shard(lock_each.user_ids) s loop
    select l.accounts into v_part
      from ledger.lock_in_shard(v_first_id, v_ids, lock_each.wait, lock_each.max_pending)
        l (accounts);
    v_accounts := v_accounts || v_part;
  end loop;
  return array(select a from unnest(v_accounts) a order by a.user_id);
end $$;

comment on function ledger.lock_each is
  'What lock_accounts does, where users are on several servers: shard by shard, each on its server.';

revoke all on function ledger.lock_each from public;
