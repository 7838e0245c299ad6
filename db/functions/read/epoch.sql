create or replace function ledger.epoch(interventions bigint)
  returns text
  language sql stable set search_path = pg_catalog, pg_temp as $$
  select format('%s-%s-%s-%s',
    (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint,
    (select d.oid from pg_database d where d.datname = current_database()),
    'public.payment_history'::regclass::oid, epoch.interventions)
$$;

comment on function ledger.epoch is
  'Names the history as it grows in this database: on another server, in a copy, after a restore, or since an intervention (interventions: how many there have been, as their sequence counts them), what was there before may have been another one.';

revoke all on function ledger.epoch from public;
