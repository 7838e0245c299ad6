create or replace function ledger.count_pending(
  max_rows integer default 10000, out entries bigint, out oldest_seconds double precision)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select count(*), coalesce(greatest(extract(epoch from clock_timestamp() - min(p.ts)), 0), 0)
    from (select h.ts from public.payment_history h where h.seq is null
           limit count_pending.max_rows) p
$$;

comment on function ledger.count_pending is
  'How many manual entries are pending, counted up to max_rows, and how long ago the ts of the oldest of these was, in seconds.';

revoke all on function ledger.count_pending from public;
grant execute on function ledger.count_pending to ledger_service, ledger_dba;
