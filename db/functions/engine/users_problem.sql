create or replace function ledger.users_problem(problem text, peer_problem text)
  returns text
  language sql immutable parallel safe as $$
  select case when peer_problem = 'LGUSR' then 'LGUSR' else coalesce(problem, peer_problem) end
$$;

comment on function ledger.users_problem is
  'The problem of an operation''s users, unknown before busy, as a SQLSTATE, or null.';

revoke all on function ledger.users_problem from public;
