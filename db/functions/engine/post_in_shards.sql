create or replace function ledger.post_in_shards(
  shard_ids bigint[], counts integer[], operations text[], user_ids bigint[], amounts numeric[],
  peer_user_ids bigint[] default null, refs bigint[] default null,
  expires_ins numeric[] default null, idempotency_keys text[] default null,
  metadatas jsonb[] default null, wait boolean default false, max_pending integer default 1000)
  returns setof ledger.outcome
  -- As post.
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_statuses text[] := ledger.keep_shards(post_in_shards.shard_ids, post_in_shards.wait);
  v_readers text[] := '{HOLD,CAPTURE,CAPTURE PART,RELEASE,EXTEND,REVERSE}';
  v_has_repeated_keys boolean := post_in_shards.idempotency_keys is not null
    and ledger.has_repeated_keys(post_in_shards.user_ids, post_in_shards.idempotency_keys);
  v_has_readers boolean := v_has_repeated_keys or post_in_shards.operations && v_readers;
  v_first integer := 1;
  v_last integer := 0;
  v_part ledger.outcome[];
  v_outcomes ledger.outcome[] := '{}';
begin
  for s in 1 .. cardinality(post_in_shards.shard_ids) loop
    v_last := v_last + post_in_shards.counts[s];
    if v_statuses[s] = 'ok' then
      execute format('select ledger_%s.post_part($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '
          '$12, $13, $14, $15)', post_in_shards.shard_ids[s])
        into v_part
        using v_first, v_last, post_in_shards.operations, post_in_shards.user_ids,
          post_in_shards.amounts, post_in_shards.peer_user_ids, post_in_shards.refs,
          post_in_shards.expires_ins, post_in_shards.idempotency_keys, post_in_shards.metadatas,
          v_readers, v_has_repeated_keys, v_has_readers, post_in_shards.wait,
          post_in_shards.max_pending;
    else
      v_part := array(
        select jsonb_populate_record(null::ledger.outcome, jsonb_build_object('n', i, 'status',
                 v_statuses[s], 'replayed', false, 'user_id', post_in_shards.user_ids[i]))
          from generate_series(v_first, v_last) i);
    end if;
    v_outcomes := v_outcomes || v_part;
    v_first := v_last + 1;
  end loop;
  return query select o.* from unnest(v_outcomes) o;
end $$;

comment on function ledger.post_in_shards is
  'What post does, for users of several shards that are on this server, in one transaction: each operation touches users of one shard only, those of a shard follow one another, counts says how many there are of each of shard_ids, and these ascend, so that callers lock in the same order. Besides the status of post an operation may have LGMOV: its shard isn''t on this server; and without wait 55P03 means, too, that its shard is about to move. Neither stops others. Raises LGMOV if a user belongs to another shard.';

revoke all on function ledger.post_in_shards from public;
grant execute on function ledger.post_in_shards to ledger_service;
