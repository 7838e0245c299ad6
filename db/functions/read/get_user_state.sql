create or replace function ledger.get_user_state(user_id bigint)
  returns ledger.user_state
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select row(u.id, u.frozen_at, coalesce(u.credit_limit, 0.00), false)::ledger.user_state
    from public.users u where u.id = get_user_state.user_id
$$;

comment on function ledger.get_user_state is
  'Since when a user is frozen (null: it isn''t), and its credit limit; null for an unknown user.';

revoke all on function ledger.get_user_state from public;
grant execute on function ledger.get_user_state to ledger_service, ledger_dba;
