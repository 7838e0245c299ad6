create or replace function ledger.withdrawal_of(
  user_id bigint, id bigint, out intervention bigint, out entry jsonb)
  -- Volatile, so that it sees what was committed since its caller began.
  language plpgsql volatile as $$
begin
  select i.id, i.before into intervention, entry
    from public.interventions i
   where i.user_id = withdrawal_of.user_id and i.operation = 'WITHDRAW'
     and i.before -> 'id' = to_jsonb(withdrawal_of.id) limit 1;
end $$;

comment on function ledger.withdrawal_of is
  'The number of the intervention that withdrew a manual entry, and what the entry was; nulls without one. Internal.';

revoke all on function ledger.withdrawal_of from public;
