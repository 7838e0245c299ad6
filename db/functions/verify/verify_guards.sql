create or replace function ledger.verify_guards()
  returns setof ledger.finding
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select row('guard_missing', null, null, format('The %s is %s.', coalesce(e.object, g.object),
           case when g.object is null then 'missing' when e.object is null then 'not ours'
             else 'disabled or another' end))::ledger.finding
    from ledger.expected_guards() e
    full join ledger.get_guards() g on g.object = e.object
   where e.hash is distinct from
           left(encode(sha256(convert_to(coalesce(g.definition, ''), 'UTF8')), 'hex'), 16)
     -- Others may have indexes and checks of their own; what runs at a change must be ours.
     and (e.object is not null or g.object like 'trigger %' or g.object like 'function ledger.%')
  union all
  select row('intervention', i.user_id, i.seq, format('%s by %s at %s: %s', i.operation, i.role,
           i.at at time zone 'UTC', coalesce(i.reason, i.before::text)))::ledger.finding
    from public.interventions i
$$;

comment on function ledger.verify_guards is
  'The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing, disabled or another than the migrations made, a trigger or a function in schema ledger that is somebody else''s, and everything that was done with break_glass, for ever.';

revoke all on function ledger.verify_guards from public;
grant execute on function ledger.verify_guards to ledger_dba;
