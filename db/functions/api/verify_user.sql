create or replace function public.verify_user(user_id bigint)
  returns setof ledger.finding
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_after_seq bigint := 0;
  v_page record;
begin
  if not exists (select from public.users u where u.id = verify_user.user_id)
    and not exists (select from public.payment_history h where h.user_id = verify_user.user_id) then
    perform ledger.raise_status('LGUSR', verify_user.user_id);
  end if;
  while v_after_seq is not null loop
    select * into v_page from ledger.verify_user_page(verify_user.user_id, v_after_seq);
    return query select f.* from unnest(v_page.findings) f;
    v_after_seq := v_page.next_seq;
  end loop;
end $$;

comment on function public.verify_user is
  'Proves the history of a user from its rows, its hashes and its holds, as of one moment and without waiting for anybody: a row for each finding; none is good. Raises LGUSR.';

revoke all on function public.verify_user from public;
grant execute on function public.verify_user to ledger_dba;
