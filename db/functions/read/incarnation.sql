create or replace function ledger.incarnation()
  returns text
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select left(encode(sha256(convert_to(format('%s %s %s %s',
           (pg_control_system()).system_identifier,
           case when pg_is_in_recovery()
                then lpad(upper(to_hex(greatest((pg_control_checkpoint()).timeline_id,
                       (pg_control_recovery()).min_recovery_end_timeline))), 8, '0')
                else left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
           (select d.oid from pg_database d where d.datname = current_database()),
           'public.payment_history'::regclass::oid), 'UTF8')), 'hex'), 8)
$$;

comment on function ledger.incarnation is
  'Names this database: a copy, a restored one, and one that another server has taken over have another name; a restart changes nothing. A standby has the name of its primary; after a promotion elsewhere, from its next restartpoint on.';

revoke all on function ledger.incarnation from public;
grant execute on function ledger.incarnation to ledger_service, ledger_dba;
