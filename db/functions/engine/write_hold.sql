create or replace function ledger.write_hold(
  operation text, account ledger.account, amount numeric, hold bigint, expires_in numeric,
  idempotency_key text, metadata jsonb)
  returns public.holds
  language plpgsql volatile as $$
begin
  case write_hold.operation
    when 'HOLD' then
      return ledger.insert_hold(account, write_hold.amount, write_hold.expires_in,
        write_hold.idempotency_key, write_hold.metadata);
    when 'RELEASE' then
      return ledger.close_hold(account, write_hold.hold, 'released', write_hold.idempotency_key,
        write_hold.metadata);
    when 'CAPTURE' then
      return ledger.close_hold(account, write_hold.hold, 'captured', null, null);
  end case;
end $$;

comment on function ledger.write_hold is
  'What a HOLD, RELEASE or CAPTURE writes into holds, for a user whose account is open, and as it will be but for what the new hold reserves. Everything has been decided.';

revoke all on function ledger.write_hold from public;
