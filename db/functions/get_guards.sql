create or replace function get_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set quote_all_identifiers = off as $$
  with guarded as (
    select c.oid, c.relname, c.relpersistence, c.relrowsecurity from pg_class c
     where c.relnamespace = 'public'::regnamespace
       and c.relname in ('users', 'payment_history', 'holds', 'interventions'))
  -- Its columns (of users, where others may add some, only ours), and that no rule stands before it.
  select 'table ' || g.relname, concat_ws(' ', g.relpersistence, g.relrowsecurity,
           (select count(*) from pg_rewrite r where r.ev_class = g.oid),
           (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                     a.attnotnull), ', ' order by a.attnum)
              from pg_attribute a where a.attrelid = g.oid and a.attnum > 0 and not a.attisdropped
               and (g.relname <> 'users' or a.attname in ('id', 'balance', 'seq', 'hold_changes'))))
    from guarded g
  union all
  -- Without brackets, which come and go when a dump is restored.
  select format('constraint %s on %s', c.conname, g.relname), concat_ws(' ',
           translate(pg_get_constraintdef(c.oid), '()', ''),
           (select string_agg(t.tgenabled::text, '') from pg_trigger t
             where t.tgconstraint = c.oid and t.tgenabled <> 'O'))
    from guarded g join pg_constraint c on c.conrelid = g.oid and c.contype in ('c', 'f', 'p', 'u')
  union all
  select format('index %s on %s', i.indexrelid::regclass, g.relname),
         concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid)
    from guarded g join pg_index i on i.indrelid = g.oid
   where i.indisunique
     and not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype <> 'f')
  union all
  select format('trigger %s on %s', t.tgname, g.relname),
         concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    from guarded g join pg_trigger t on t.tgrelid = g.oid and not t.tgisinternal
  union all
  select 'function ' || p.proname, concat_ws(' ', p.prosrc, p.prosecdef, p.proconfig)
    from pg_proc p where p.pronamespace = 'public'::regnamespace
     and p.proname in ('guard_history', 'break_glass', 'entry_hash', 'hold_hash')
$$;

comment on function get_guards is
  'What keeps the ledger from being changed behind its back, as it is now: tables, constraints, unique indexes, triggers, and the functions that triggers and proofs rest on; each with its definition. Internal.';

revoke all on function get_guards from public;
grant execute on function get_guards to ledger_dba;
