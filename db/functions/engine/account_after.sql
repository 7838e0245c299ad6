create or replace function ledger.account_after(
  account ledger.account, change public.hold_changes)
  returns ledger.account
  language sql stable as $$
  select row((account).user_id, (account).problem, (account).seq, (account).balance,
    (change).balance - (change).available, -- mutation: reserve
    (account).posted_at, (account).hash, (account).hold_changes + 1,
    least((account).next_expiry, nullif((change).expires_at, 'infinity')),
    greatest((change).at, (account).updated_at, (account).posted_at),
    (account).is_frozen)::ledger.account
$$;

comment on function ledger.account_after is
  'An account after a change of a hold, without the entry that this may make. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.account_after from public;
