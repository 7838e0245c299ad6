create or replace function verify_guards()
  returns setof ledger_finding
  language sql stable security definer set search_path = public, pg_temp as $$
  -- Types are bits: 27 is BEFORE UPDATE OR DELETE for each row, 34 BEFORE TRUNCATE.
  select row('guard_missing', null, null, format('Trigger %s of %s is %s.', g.name, g.on_table,
           case when t.oid is null then 'missing' else 'disabled or another' end))::ledger_finding
    from (values ('payment_history', 'guard_row', 27), ('payment_history', 'guard_truncate', 34),
                 ('interventions', 'guard_row', 27), ('interventions', 'guard_truncate', 34)
         ) g (on_table, name, type)
    left join pg_trigger t on t.tgrelid = to_regclass('public.' || g.on_table) and t.tgname = g.name
   where (t.tgenabled, t.tgtype, t.tgfoid, t.tgqual is null)
      is distinct from ('A', g.type, 'guard_history'::regproc, true)
  union all
  select row('guard_missing', null, null, format('Foreign key %s of %s is %s.', k.name, k.on_table,
           case when c.oid is null then 'missing' else 'disabled' end))::ledger_finding
    from (values ('payment_history', 'payment_history_user_id_fkey'), ('holds', 'holds_user_id_fkey')
         ) k (on_table, name)
    left join pg_constraint c
      on c.conrelid = to_regclass('public.' || k.on_table) and c.conname = k.name
   where c.oid is null or not c.convalidated or exists (
     select from pg_trigger t where t.tgconstraint = c.oid and t.tgenabled = 'D')
  union all
  select row('intervention', i.user_id, i.seq, format('%s by %s at %s: %s', i.operation, i.role,
           i.at, coalesce(i.reason, i.before::text)))::ledger_finding
    from interventions i
$$;

comment on function verify_guards is
  'The findings that belong to the ledger as a whole: a guard or a foreign key that is missing or disabled, and everything that was done with break_glass, for ever.';

revoke all on function verify_guards from public;
grant execute on function verify_guards to ledger_dba;
