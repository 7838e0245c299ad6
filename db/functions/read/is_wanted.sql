create or replace function ledger.is_wanted(
  action text, metadata jsonb, wanted_action text, wanted_metadata jsonb)
  returns boolean
  language sql immutable parallel safe as $$
  select (wanted_action is null or action = wanted_action)
    and (wanted_metadata is null or metadata is not null and not exists (
      select from jsonb_each_text(wanted_metadata) w
       where metadata ->> w.key is distinct from w.value))
$$;

comment on function ledger.is_wanted is
  'Whether an entry has this action (null: any) and, in its metadata, these members with these texts (null: any).';

revoke all on function ledger.is_wanted from public;
