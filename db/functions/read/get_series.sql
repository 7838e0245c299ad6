create or replace function ledger.get_series(
  out series integer, out last_position bigint, out epoch text, out incarnation text,
  out oldest_open xid8, out horizon xid8)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  series := (select l.groupid from pg_dist_local_group l);
  -- First of all: whoever has taken a position up to this one is found open below, or has ended.
  select s.last_value - (not s.is_called)::int into last_position
    from public.payment_history_id_seq s;
  epoch := ledger.epoch(0);
  incarnation := ledger.incarnation();
  -- Whoever takes a position has locked a user before.
  oldest_open := ledger.oldest_writer(array(
    select to_regclass(format('public.users_%s', s))::oid from unnest(ledger.local_shards()) s));
  if oldest_open is not null then horizon := pg_current_xact_id(); end if;
end $$;

comment on function ledger.get_series is
  'How far this server of a distributed ledger has given positions (last_position), and the oldest transaction that has locked a user here and has not ended (oldest_open; null: none). While there is one, whoever has taken a position up to last_position has ended once a later call answers an oldest_open no lower than horizon, or null. epoch and incarnation: as those of get_changes and incarnation.';

revoke all on function ledger.get_series from public;
grant execute on function ledger.get_series to ledger_service, ledger_dba;
