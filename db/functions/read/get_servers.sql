create or replace function ledger.get_servers()
  returns table (series integer, host text, port integer)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not ledger.is_distributed() then return; end if;
  -- The sequence of groups knows of servers that are gone, too.
  return query
    select s.series, n.nodename, n.nodeport
      from generate_series(0, (select g.last_value::integer from pg_dist_groupid_seq g)) s (series)
      left join pg_dist_node n
        on n.groupid = s.series and n.groupid <> 0 and n.noderole = 'primary'
     order by s.series;
end $$;

comment on function ledger.get_servers is
  'On the coordinator of a distributed ledger: every server that has ever given positions, by the number that stands above the lower 48 bits of these (series); without host and port 0, which is the coordinator itself, and those that were removed. None where all users are on one server.';

revoke all on function ledger.get_servers from public;
grant execute on function ledger.get_servers to ledger_service, ledger_dba;
