create or replace function ledger.has_mark(entry public.payment_history, mark text)
  returns boolean
  language plpgsql stable as $$
begin
  if ((entry).metadata ? has_mark.mark) is not true then return false; end if;
  -- Anybody may write such metadata, but only an erasure has a row in erasures.
  perform from public.erasures e
   where e.kind = 'entry' and e.user_id = (entry).user_id and e.number = (entry).seq;
  return found;
end $$;

comment on function ledger.has_mark is
  'Whether an entry''s metadata was taken out: erased or archived.';

revoke all on function ledger.has_mark from public;
grant execute on function ledger.has_mark to ledger_dba;
