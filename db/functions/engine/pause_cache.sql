create or replace function ledger.pause_cache()
  returns void
  -- A sequence has no row: nothing to lock, to vacuum, to replicate or to roll back. No argument: a
  -- call lasts as long as any other, so a later one never ends the pause earlier.
  language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select setval('ledger.cache_paused_at',
    floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
$$;

comment on function ledger.pause_cache is
  'Has every instance of the service believe no cached snapshot for three seconds from now, once its next get_changes tells it: the caller has changes that Redis does not take. Balances are read from the tables meanwhile.';

revoke all on function ledger.pause_cache from public;
grant execute on function ledger.pause_cache to ledger_service;
