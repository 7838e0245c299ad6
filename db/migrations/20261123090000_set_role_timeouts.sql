-- migrate:up

-- A role that was there before the first migration has no time limits from it. Those that somebody
-- has set on purpose, for the role or for the role in this database, stay.
do $$
declare
  v_limit record;
begin
  for v_limit in
    select l.name, l.setting
      -- The first migration's, spelt otherwise: by that the way back knows which are from here.
      from (values ('statement_timeout', '3000ms'), ('lock_timeout', '2000ms'),
                   ('idle_in_transaction_session_timeout', '5000ms'),
                   ('client_connection_check_interval', '1000ms')) l (name, setting)
     where not exists (
       select from pg_db_role_setting s, unnest(s.setconfig) c
        where s.setrole = 'ledger_service'::regrole and split_part(c, '=', 1) = l.name
          and s.setdatabase in (
            0, (select d.oid from pg_database d where d.datname = current_database())))
  loop
    begin
      execute format('alter role ledger_service set %I = %L', v_limit.name, v_limit.setting);
    exception when insufficient_privilege then
      raise warning 'ledger_service has no % of its own, and % may not set it',
          v_limit.name, current_user
        using hint = format('As somebody with CREATEROLE, and ADMIN of that role: '
          'alter role ledger_service set %I = %L;', v_limit.name, v_limit.setting);
    end;
  end loop;
end $$;

-- migrate:down

do $$
declare
  v_name text;
begin
  for v_name in
    select split_part(c, '=', 1) from pg_db_role_setting s, unnest(s.setconfig) c
     where s.setrole = 'ledger_service'::regrole and s.setdatabase = 0
       and c in ('statement_timeout=3000ms', 'lock_timeout=2000ms',
                 'idle_in_transaction_session_timeout=5000ms',
                 'client_connection_check_interval=1000ms')
       -- Another ledger of the cluster still goes by them.
       and not exists (
         select from pg_shdepend d
          where d.refclassid = 'pg_authid'::regclass and d.refobjid = s.setrole
            and d.dbid not in (
              0, (select b.oid from pg_database b where b.datname = current_database())))
  loop
    begin
      execute format('alter role ledger_service reset %I', v_name);
    exception when insufficient_privilege then
      raise warning 'ledger_service keeps its %, as % may not reset it', v_name, current_user;
    end;
  end loop;
end $$;
