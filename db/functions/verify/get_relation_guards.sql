create or replace function ledger.get_relation_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres' set quote_all_identifiers = off as $$
  with owner as (
    select c.relowner as oid from pg_class c where c.oid = 'public.payment_history'::regclass),
  guarded as (
    select g.oid, g.kind, g.name as relname, c.relpersistence, c.relrowsecurity, c.relkind,
           c.relacl, c.relowner, c.reloptions
      from ledger.guarded_relations() g join pg_class c on c.oid = g.oid)
  -- Its columns (others may add some, only ours), who owns it, that no rule stands before it, and
  -- that nothing is shown with its rows.
  select g.kind || g.relname, concat_ws(' ',
           case when g.relkind <> 'S' then g.relpersistence end, g.relrowsecurity,
           g.relowner = o.oid,
           (select count(*) from pg_rewrite r where r.ev_class = g.oid),
           (select count(*) from pg_inherits i where g.oid in (i.inhparent, i.inhrelid)),
           (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                     a.attnotnull, a.attidentity, a.attgenerated, a.attcollation,
                     pg_get_expr(d.adbin, d.adrelid)), ', ' order by a.attnum)
              from pg_attribute a
              left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
             where g.kind = 'table ' and a.attrelid = g.oid and a.attnum > 0
               and not a.attisdropped
               and a.attname in ('id', 'user_id', 'balance', 'seq', 'hold_changes', 'action',
                 'amount', 'ts', 'sealed_at', 'idempotency_key', 'metadata', 'held', 'hold',
                 'reverses', 'peer_user_id', 'peer_seq', 'hash', 'position', 'status', 'available',
                 'created_at', 'expires_at', 'operation', 'transaction', 'at', 'role', 'reason',
                 'before', 'entered_at', 'entered_by', 'key', 'number', 'line', 'is_only',
                 'remaining', 'captured', 'changes', 'reference', 'asked_id', 'updated_at',
                 'frozen_at', 'credit_limit', 'actor', 'intervention', 'kind', 'change',
                 'receiver', 'holder', 'held_until', 'gone')),
           case g.kind when 'view ' then concat_ws(' ', g.reloptions,
             translate(pg_get_viewdef(g.oid), '() ' || chr(10), '')) end,
           (select concat_ws(' ', s.seqincrement, s.seqcache, s.seqcycle)
              from pg_sequence s where s.seqrelid = g.oid))
    from guarded g, owner o
  union all
  -- Who may do more than read, but for the owner and who may do everything anyway, and for the ids
  -- that Citus gives manual entries; and what the service, the DBAs and everybody may read.
  select 'rights on ' || g.relname, (
           select string_agg(distinct concat_ws(' ', x.privilege_type, x.attname,
                    coalesce(r.rolname, 'PUBLIC')), ', ')
             from (
               select a.*, null::name as attname from aclexplode(g.relacl) a
               union all
               select a.*, c.attname from pg_attribute c, aclexplode(c.attacl) a
                where c.attrelid = g.oid) x
             left join pg_roles r on r.oid = x.grantee
            where x.grantee <> g.relowner and (x.privilege_type <> 'SELECT' or x.grantee = 0
               or r.rolname in ('ledger_service', 'ledger_dba'))
              and not (ledger.is_distributed() and (g.relname, x.privilege_type, x.attname,
                r.rolname) = ('payment_history', 'INSERT', 'id', 'ledger_dba')))
    from guarded g
$$;

comment on function ledger.get_relation_guards is
  'What get_guards says of tables, views and sequences, and of who may write to them.';

revoke all on function ledger.get_relation_guards from public;
grant execute on function ledger.get_relation_guards to ledger_dba;
