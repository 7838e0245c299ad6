create or replace function ledger.hold_as_placed(hold public.holds)
  returns public.holds
  language plpgsql immutable parallel safe as $$
declare
  v public.holds := hold_as_placed.hold;
begin
  v.status := 'active';
  v.closed_at := null; v.release_key := null; v.release_metadata := null;
  v.release_seq := null; v.release_balance := null; v.release_available := null;
  return v;
end $$;

comment on function ledger.hold_as_placed is
  'What the row of a hold was before it was captured or released. Internal.';

revoke all on function ledger.hold_as_placed from public;
