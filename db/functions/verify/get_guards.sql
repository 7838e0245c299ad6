create or replace function ledger.get_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set quote_all_identifiers = off as $$
  with guarded as (
    select c.oid, c.relname, c.relpersistence, c.relrowsecurity, c.relkind, c.relacl, c.relowner
      from pg_class c
     where c.relnamespace = 'public'::regnamespace
       and c.relname in ('users', 'user_details', 'user_references', 'user_keys',
         'payment_history', 'holds', 'interventions', 'entries'))
  -- Its columns (others may add some, only ours), and that no rule stands before it.
  select 'table ' || g.relname, concat_ws(' ', g.relpersistence, g.relrowsecurity,
           (select count(*) from pg_rewrite r where r.ev_class = g.oid),
           (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                     a.attnotnull), ', ' order by a.attnum)
              from pg_attribute a where a.attrelid = g.oid and a.attnum > 0 and not a.attisdropped
               and a.attname in ('id', 'user_id', 'balance', 'seq', 'hold_changes', 'action',
                 'amount', 'ts', 'sealed_at', 'idempotency_key', 'metadata', 'held', 'hold',
                 'reverses', 'peer_user_id', 'peer_seq', 'hash', 'position', 'reference', 'status',
                 'expires_at', 'operation', 'transaction', 'before')))
    from guarded g
  union all
  select 'view ' || g.relname, translate(pg_get_viewdef(g.oid), '() ' || chr(10), '')
    from guarded g where g.relkind = 'v'
  union all
  -- Who may do more than read, but for the owner and who may do everything anyway.
  select 'rights on ' || g.relname, (
           select string_agg(distinct concat_ws(' ', x.privilege_type, x.attname,
                    coalesce(r.rolname, 'PUBLIC')), ', ')
             from (
               select a.*, null::name as attname from aclexplode(g.relacl) a
               union all
               select a.*, c.attname from pg_attribute c, aclexplode(c.attacl) a
                where c.attrelid = g.oid) x
             left join pg_roles r on r.oid = x.grantee
            where x.grantee <> g.relowner and x.privilege_type <> 'SELECT')
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
  select 'function ' || p.oid::regprocedure, concat_ws(' ', p.prosrc, p.prosecdef, p.proconfig,
           p.provolatile, l.lanname, (
             select string_agg(distinct coalesce(r.rolname, 'PUBLIC'), ', ')
               from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
               left join pg_roles r on r.oid = a.grantee
              where a.grantee <> p.proowner and (n.nspname = 'ledger' or a.grantee = 0)))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang
   where n.nspname = 'ledger' and p.proname <> 'expected_guards'
      or n.nspname = 'public' and p.proname in ('balance_at', 'break_glass', 'capture_hold',
        'create_user', 'credit_user', 'debit_user', 'debit_users', 'place_hold',
        'recalculate_balance', 'release_hold', 'reverse_entry', 'transfer', 'verify_ledger',
        'verify_user')
$$;

comment on function ledger.get_guards is
  'What keeps the ledger from being changed behind its back, as it is now: tables, the view entries, constraints, unique indexes, triggers, every function, and who may write or execute; each with its definition.';

revoke all on function ledger.get_guards from public;
grant execute on function ledger.get_guards to ledger_dba;
