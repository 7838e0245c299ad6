create or replace function check_request(
  user_id bigint, amount numeric, idempotency_key text, metadata jsonb)
  returns void
  language plpgsql volatile as $$
begin
  if not is_valid_entry('DEBIT', check_request.amount) then
    perform raise_status('LGAMT', check_request.user_id, check_request.amount);
  elsif not is_valid_note(check_request.idempotency_key, check_request.metadata) then
    perform raise_status('22023', check_request.user_id);
  end if;
end $$;

comment on function check_request is
  'Raises LGAMT or 22023 for an amount, a key or metadata that no entry or hold may have. Internal.';

revoke all on function check_request from public;
