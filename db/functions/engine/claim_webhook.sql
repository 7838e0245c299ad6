create or replace function ledger.claim_webhook(
  receiver text, holder text, hold_ms integer, start bigint, start_cursor text default null,
  out is_held boolean, out "position" bigint, out gone text, out cursor text)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := clock_timestamp();
  v_until timestamptz := v_now + claim_webhook.hold_ms * interval '1 ms';
begin
  insert into ledger.webhooks (receiver, "position", cursor)
  values (claim_webhook.receiver, claim_webhook.start, claim_webhook.start_cursor)
  on conflict do nothing;
  -- A clock that was set back leaves a claim that ends later than it could: it counts as over.
  update ledger.webhooks w set holder = claim_webhook.holder, held_until = v_until
   where w.receiver = claim_webhook.receiver
     and (w.holder is null or w.holder = claim_webhook.holder
       or w.held_until <= v_now or w.held_until > v_until)
  returning true, w."position", w.gone, w.cursor
    into claim_webhook.is_held, claim_webhook."position", claim_webhook.gone, claim_webhook.cursor;
  is_held := coalesce(is_held, false);
end $$;

comment on function ledger.claim_webhook is
  'Gives a receiver of webhooks to holder, one of many that deliver, for hold_ms milliseconds, unless another one has it: is_held. position: up to which all was delivered; start for a receiver that is new. cursor, and start_cursor: the same where users are on several servers, as the service writes it. gone: what advance_webhook was told last.';

revoke all on function ledger.claim_webhook from public;
grant execute on function ledger.claim_webhook to ledger_service;
