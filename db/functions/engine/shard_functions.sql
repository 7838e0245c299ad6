create or replace function ledger.shard_functions(shard_id bigint)
  returns table (name text, definition text, caller text)
  language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  -- Those that read or write tables of one user, or call such ones.
  v_names text[] := array['absent_account', 'account_at', 'add_entry', 'add_hold',
    'add_plain_entry', 'change_of_hold', 'close_hold', 'copy_accounts', 'decide', 'event_details',
    'event_digest', 'events_at', 'events_before', 'find_key', 'first_change', 'get_shard_users',
    'get_users', 'has_most_holds', 'held_now', 'insert_entries', 'insert_half', 'is_same_part',
    'load_target', 'lock_account', 'lock_accounts', 'lock_half', 'open_account', 'outcome_of',
    'peer_at', 'post_change', 'post_each', 'post_half', 'post_hold', 'post_part', 'post_pending',
    'replay_entry', 'scan_events', 'scan_series', 'target_of', 'users_of', 'write_all',
    'write_change', 'write_changes', 'write_half'];
  -- Those for people that calls_in_shards is about, and all that it is about.
  v_public_names text[] := array['capture_hold', 'credit_user', 'debit_user', 'place_hold',
    'release_hold'];
  v_called_names text[] := v_public_names || array['lock_half', 'post_half', 'write_half'];
  v_called text := format('\m(?:ledger\.(%s)|(?<=FUNCTION )public\.(%s))\(',
    array_to_string(v_names, '|'), array_to_string(v_public_names, '|'));
  v_table text;
  v_shard_id bigint;
begin
  for name, definition in
    select p.proname, pg_get_functiondef(p.oid) from pg_proc p
     where p.pronamespace = 'ledger'::regnamespace and p.proname = any (v_names)
        or p.pronamespace = 'public'::regnamespace and p.proname = any (v_public_names)
  loop
    if name = any (v_called_names) then
      -- Without what their caller has set already, and without the calls of these.
      definition := regexp_replace(regexp_replace(definition,
        '\n (SECURITY DEFINER|SET \w+ TO [^\n]+)', '', 'g'),
        '  -- Calls in shards\..*  -- End of the calls in shards\.\n', '');
    end if;
    definition := regexp_replace(definition, v_called,
      format('ledger_%s.\1\2(', shard_functions.shard_id), 'g');
    -- A shard has no default for ids.
    definition := regexp_replace(definition,
      '(insert into public\.payment_history(?: as \w+)? \()(user_id,[^)]*\)\s+(?:select |values \())',
      '\1id, \2nextval(''public.payment_history_id_seq''), ', 'g');
    definition := replace(definition, 'ledger.is_distributed()', case name
      when 'get_shard_users'
        then format('ledger.leaves_shard(%s, %s.user_ids)', shard_functions.shard_id, name)
      else 'false' end);
    -- Whoever isn't of the shard isn't in its table of users.
    if name = 'absent_account' then
      definition := replace(definition, 'then ''55P03''', format(
        'then ''55P03'' when ledger.leaves_shard(%s, array[%s.user_id]) then null',
        shard_functions.shard_id, name));
    end if;
    for v_table, v_shard_id in
      select c.relname, s.shardid
        from pg_dist_shard u
        join pg_dist_shard s on s.shardminvalue = u.shardminvalue
        join pg_class c on c.oid = s.logicalrelid and c.relnamespace = 'public'::regnamespace
       where u.shardid = shard_functions.shard_id
    loop
      definition := regexp_replace(definition,
        format('\m(from|join|into|update) public\.%s\M', v_table),
        format('\1 public.%s_%s', v_table, v_shard_id), 'g');
    end loop;
    caller := case when name = 'get_shard_users' then 'ledger_service' end;
    return next;
  end loop;
end $$;

comment on function ledger.shard_functions is
  'The functions of a shard of users, of which post_in_shards calls post_part, and the service get_shard_users (caller): the same as in the schema ledger, but in a schema of the shard, and on the tables of the shard themselves, where Citus has nothing to plan. get_shard_users and absent_account refuse who isn''t of the shard: see leaves_shard; whoever calls others has seen to it.';

revoke all on function ledger.shard_functions from public;
