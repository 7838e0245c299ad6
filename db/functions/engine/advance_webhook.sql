create or replace function ledger.advance_webhook(
  receiver text, holder text, hold_ms integer, delivered bigint, gone text default null,
  cursor text default null)
  returns boolean
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update ledger.webhooks w
     set "position" = greatest(w."position", advance_webhook.delivered),
         cursor = coalesce(advance_webhook.cursor, w.cursor),
         gone = advance_webhook.gone,
         held_until = clock_timestamp() + advance_webhook.hold_ms * interval '1 ms'
   where w.receiver = advance_webhook.receiver and w.holder = advance_webhook.holder;
  return found;
end $$;

comment on function ledger.advance_webhook is
  'Keeps up to which position all was delivered to a receiver of webhooks, and for hold_ms milliseconds more who delivers to it (0: somebody else may at once). cursor: the same where users are on several servers, as the service writes it. gone: names the address that is not to be used any more. False: somebody else has the receiver, and nothing was done.';

revoke all on function ledger.advance_webhook from public;
grant execute on function ledger.advance_webhook to ledger_service;
