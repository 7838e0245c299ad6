create or replace function ledger.assert_replica(incarnation text, user_id bigint, min_seq bigint)
  returns boolean
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  -- Sessions go on when a standby is promoted, so every statement asks.
  if not pg_is_in_recovery() or ledger.incarnation() <> assert_replica.incarnation then
    raise exception using errcode = '55000', message = 'not a standby of that database',
      hint = 'Ask the primary, or a standby that follows it.';
  elsif assert_replica.min_seq > 0 and not exists (
      select from public.payment_history h where h.user_id = assert_replica.user_id
         and h.seq = assert_replica.min_seq) then
    raise exception using errcode = 'P0002', message = 'not replayed yet',
      hint = 'Ask again in a moment, or the primary.';
  end if;
  return true;
end $$;

comment on function ledger.assert_replica is
  'Condition of a statement that reads from a standby: true. Raises 55000 unless this server is a standby of the database with that incarnation, P0002 unless the user''s entry with that seq (0: none is needed) has been replayed.';

revoke all on function ledger.assert_replica from public;
grant execute on function ledger.assert_replica to ledger_service, ledger_dba;
