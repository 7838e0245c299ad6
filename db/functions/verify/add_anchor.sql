create or replace function ledger.add_anchor(
  key text, number bigint, at timestamptz, line text)
  returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_last ledger.anchors;
begin
  select a.* into v_last from ledger.anchors a
   where a.key = add_anchor.key order by a.number desc limit 1;
  if (add_anchor.number = coalesce(v_last.number, 0) + 1
      and add_anchor.at > coalesce(v_last.at, '-infinity') and add_anchor.at <= clock_timestamp()
      and length(add_anchor.key) in (0, 64) and length(add_anchor.line) <= 2000) is not true then
    raise exception using errcode = '22023', message = 'not the next anchor',
      detail = format('The last one is number %s of %s.', coalesce(v_last.number, 0), v_last.at),
      hint = 'Somebody else has anchored meanwhile: make another anchor.';
  end if;
  -- Who comes second with a number gets 23505.
  insert into ledger.anchors (key, number, at, line)
  values (add_anchor.key, add_anchor.number, add_anchor.at, add_anchor.line);
end $$;

comment on function ledger.add_anchor is
  'Keeps an anchor that npm run anchor is about to write elsewhere: then one that is missing there is missed. Raises 22023 unless it is the next one of its key, 23505 if somebody was faster.';

revoke all on function ledger.add_anchor from public;
grant execute on function ledger.add_anchor to ledger_dba;
