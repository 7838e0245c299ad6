create or replace function ledger.get_moments(user_id bigint, moments timestamptz[])
  returns table (at timestamptz, seq bigint, balance numeric, hash text)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if not exists (select from public.users u where u.id = get_moments.user_id) then
    perform ledger.raise_status('LGUSR', get_moments.user_id);
  end if;
  return query
    select coalesce(m.at, clock_timestamp()), e.seq, coalesce(h.balance, 0.00),
           encode(h.hash, 'hex')
      from unnest(get_moments.moments) with ordinality m (at, n)
      cross join lateral (
        select ledger.entry_at(get_moments.user_id, coalesce(m.at, 'infinity')) as seq) e
      left join public.payment_history h on h.user_id = get_moments.user_id and h.seq = e.seq
     order by m.n;
end $$;

comment on function ledger.get_moments is
  'What balance_at says of each moment (null: now), with the seq and the hash of the entry it stands on; seq 0 and no hash before the first. Raises LGUSR.';

revoke all on function ledger.get_moments from public;
grant execute on function ledger.get_moments to ledger_service, ledger_dba;
