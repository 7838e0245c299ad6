create or replace function ledger.get_shard_journal(
  befores bigint[], max_rows integer default 50, max_scanned integer default 10000)
  returns table (entry ledger.found_entry, newer bigint, through bigint, shards bigint[])
  -- Stable: all of it is as of the one snapshot of the caller's statement.
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_shards bigint[] := ledger.local_shards();
  -- Of the shards of payment_history.
  v_ids bigint[] := array(
    select h.shardid from pg_dist_shard u join pg_dist_shard h on h.shardminvalue = u.shardminvalue
     where u.shardid = any (v_shards) and h.logicalrelid = 'public.payment_history'::regclass);
  v_limit integer := greatest(100,
    get_shard_journal.max_scanned / greatest(1, cardinality(v_shards)));
  v_first bigint; v_through bigint; v_scanned integer; v_found integer; v_row record;
  -- What was found of a series, side by side: where, and in which shard.
  v_positions bigint[]; v_homes bigint[];
begin
  foreach v_first in array get_shard_journal.befores loop
    v_positions := '{}'; v_homes := '{}';
    through := (v_first - 1) >> 48 << 48;
    for i in 1 .. cardinality(v_ids) loop
      v_scanned := 0; v_found := 0;
      for v_row in
        execute format('select h.id, h.seq from public.payment_history_%s h
            where h.id < $1 and h.id >= $2 order by h.id desc limit $3', v_ids[i])
          using v_first, (v_first - 1) >> 48 << 48, v_limit
      loop
        v_scanned := v_scanned + 1;
        if v_row.seq is not null then
          v_found := v_found + 1;
          v_positions := array_append(v_positions, v_row.id);
          v_homes := array_append(v_homes, v_ids[i]);
        end if;
        if v_scanned = v_limit or v_found = get_shard_journal.max_rows then
          through := greatest(through, v_row.id);
          exit;
        end if;
      end loop;
    end loop;
    -- Where the first max_rows of the series end, which no shard has read beyond.
    v_through := (select p from unnest(v_positions) p order by p desc
                  offset get_shard_journal.max_rows - 1 limit 1);
    through := greatest(through, v_through);
    for v_row in
      select f.home, array_agg(f.p) as positions
        from unnest(v_positions, v_homes) f (p, home) where f.p >= through group by f.home
    loop
      return query execute format('select row(h.id, true, e.*)::ledger.found_entry,
          (select n.id from public.payment_history_%1$s n
            where n.user_id = h.user_id and n.seq = h.seq + 1), null::bigint, null::bigint[]
          from unnest($1) p (id) join public.payment_history_%1$s h on h.id = p.id
          cross join lateral (select * from (%2$s) x
            where x.user_id = h.user_id and x.seq = h.seq) e', v_row.home,
          -- The view, of the shard itself, where Citus has nothing to plan.
          replace(rtrim(pg_get_viewdef('public.entries'::regclass), ';'),
            'public.payment_history', 'public.payment_history_' || v_row.home))
        using v_row.positions;
    end loop;
    entry := null; newer := null; shards := v_shards;
    return next;
  end loop;
end $$;

comment on function ledger.get_shard_journal is
  'What the shards of this server have of the entries that list_journal lists where all users are on one server. Every server numbers what is written there, above its series × 2^48; befores has a position of each series that is wanted, and of each at most max_rows entries below it are answered, the highest, in no order, each with the position of the next entry of its user (newer). Behind those of a series, a row with its through: whatever is at this position or between it and before was looked at; and with the shards that are here. Where max_scanned rows were not enough, because many are pending, it is higher than where entries end.';

revoke all on function ledger.get_shard_journal from public;
grant execute on function ledger.get_shard_journal to ledger_service, ledger_dba;
