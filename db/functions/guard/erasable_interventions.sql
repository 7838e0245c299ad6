create or replace function ledger.erasable_interventions(user_id bigint, before timestamptz)
  returns setof public.interventions
  language sql stable as $$
  select i.* from public.interventions i
   where i.user_id = erasable_interventions.user_id and i.at < erasable_interventions.before
     and num_nonnulls(i.before ->> 'metadata', i.before ->> 'idempotency_key') > 0
$$;

comment on function ledger.erasable_interventions is
  'The interventions from before a moment that keep what a row of a user was, and in it something to erase.';

revoke all on function ledger.erasable_interventions from public;
