create or replace function ledger.hold_row(
  placed public.hold_changes, change public.hold_changes,
  out user_id bigint, out hold bigint, out amount numeric, out status text, out available numeric,
  out created_at timestamptz, out expires_at timestamptz, out closed_at timestamptz,
  out idempotency_key text, out metadata jsonb, out release_key text, out release_metadata jsonb,
  out release_seq bigint, out release_balance numeric, out release_available numeric)
  language plpgsql immutable parallel safe as $$
begin
  user_id := placed.user_id; hold := placed.hold; amount := placed.amount;
  available := placed.available; created_at := placed.at; expires_at := placed.expires_at;
  idempotency_key := placed.idempotency_key; metadata := placed.metadata;
  status := case change.action when 'placed' then 'active' else change.action end;
  if change.action <> 'placed' then closed_at := change.at; end if;
  if change.action = 'released' then
    release_key := change.idempotency_key; release_metadata := change.metadata;
    release_seq := change.seq; release_balance := change.balance;
    release_available := change.available;
  end if;
end $$;

comment on function ledger.hold_row is
  'The row that a hold had after a change before each change had a row of its own: what hold_hash_1 and hold_hash_2 are made of. Internal.';

revoke all on function ledger.hold_row from public;
grant execute on function ledger.hold_row to ledger_dba;
