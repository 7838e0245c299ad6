create or replace function ledger.first_problem(
  request text, users text, key text, target text, funds text)
  returns text
  language sql immutable parallel safe as $$
  select coalesce(request, users, key, target, funds)
$$;

comment on function ledger.first_problem is
  'Which refusal comes first where there are several: of the request itself, of its users (unknown, busy), of its key (reused), of the hold or entry that it names, of the funds.';

revoke all on function ledger.first_problem from public;
