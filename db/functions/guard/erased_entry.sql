create or replace function ledger.erased_entry(
  entry public.payment_history, mark jsonb, is_own boolean)
  returns public.payment_history
  language plpgsql immutable parallel safe as $$
declare
  v public.payment_history := erased_entry.entry;
begin
  v.metadata := erased_entry.mark;
  if erased_entry.is_own then v.idempotency_key := null; end if;
  return v;
end $$;

comment on function ledger.erased_entry is
  'What is left of an entry that is erased: of the other half of a transfer, its key as well.';

revoke all on function ledger.erased_entry from public;
