create or replace function ledger.verify_user_page(
  user_id bigint, after_seq bigint default 0, max_rows integer default 10000)
  returns table (findings ledger.finding[], rows_read bigint, next_seq bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  select e.findings, e.rows_read, e.next_seq into findings, rows_read, next_seq
    from ledger.verify_entries(verify_user_page.user_id, verify_user_page.after_seq,
           verify_user_page.max_rows, verify_user_page.user_id) e;
  if next_seq is null then
    findings := findings || array(
      select f from ledger.verify_users(verify_user_page.user_id - 1, 1, verify_user_page.user_id) p,
        unnest(p.findings) f
      union all
      select row('intervention', i.user_id, i.seq,
               format('%s by %s at %s.', i.operation, i.role, i.at))::ledger.finding
        from public.interventions i
        where i.user_id = verify_user_page.user_id and i.operation not in ('WITHDRAW', 'ERASE'));
  end if;
  return next;
end $$;

comment on function ledger.verify_user_page is
  'Verifies at most max_rows entries of a user after a seq, and with the last of them what else verify_user looks at: findings, how many entries it read, and the seq to go on after (null: that was all). Sees one moment and waits for nobody.';

revoke all on function ledger.verify_user_page from public;
grant execute on function ledger.verify_user_page to ledger_service, ledger_dba;
