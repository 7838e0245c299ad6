create or replace function ledger.await_prepared()
  returns void
  -- Volatile, so that whoever calls it may read, by a later statement, what it has waited for.
  language plpgsql volatile as $$
declare
  v_first text[];
  v_now text[];
  v record;
begin
  -- Whoever replaced is_distributed() is found by verify_shards.
  if to_regclass('pg_catalog.pg_dist_partition') is null then return; end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'LGMOV', message = 'verification has to look again',
      detail = 'There is no snapshot of several servers.',
      hint = 'Verify at READ COMMITTED.';
  end if;
  loop
    v_now := '{}';
    for v in
      select w.* from run_command_on_workers($query$
        select array(select p.gid from pg_prepared_xacts p
                      where p.database = current_database() and starts_with(p.gid, 'citus_'))
        $query$) w
    loop
      if not v.success then
        raise exception using errcode = '08006', message = 'a server does not answer',
          detail = format('%s:%s: %s', v.nodename, v.nodeport, v.result),
          hint = 'Repeat it when the server is back.';
      end if;
      v_now := v_now || v.result::text[];
    end loop;
    v_first := coalesce(v_first, v_now);
    exit when not v_first && v_now;
    perform pg_sleep(0.01);
  end loop;
end $$;

comment on function ledger.await_prepared is
  'Waits until what was prepared on any server, of transactions over several servers, is committed or taken back: what one server shows, the others then show, too. Raises 08006 if a server doesn''t answer, LGMOV if the transaction would see nothing later. Only for where users are on several servers.';

revoke all on function ledger.await_prepared from public;
