create or replace function ledger.get_moments(user_id bigint, moments timestamptz[])
  returns table (at timestamptz, seq bigint, balance numeric, hash text)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_created_at timestamptz := (select u.created_at from public.users u
    where u.id = get_moments.user_id);
  v_latest timestamptz;
  v_moment timestamptz;
  v_sealed_at timestamptz;
begin
  if v_created_at is null then
    perform ledger.raise_status('LGUSR', get_moments.user_id);
  end if;
  -- Waits for the latest moment: when it is final, earlier ones are, too.
  v_latest := (select max(m) from unnest(get_moments.moments) m);
  if v_latest is not null then
    perform ledger.await_final(get_moments.user_id, least(v_latest, clock_timestamp()));
  end if;
  foreach v_moment in array coalesce(get_moments.moments, '{}') loop
    seq := ledger.entry_at(get_moments.user_id, coalesce(v_moment, 'infinity'));
    select h.balance, encode(h.hash, 'hex'), h.sealed_at into balance, hash, v_sealed_at
      from public.payment_history h where h.user_id = get_moments.user_id and h.seq = get_moments.seq;
    at := coalesce(v_moment, v_sealed_at, v_created_at);
    balance := coalesce(balance, 0.00);
    return next;
  end loop;
end $$;

comment on function ledger.get_moments is
  'What balance_at says of each moment (null: that of the last entry, which is final), with the seq and the hash of the entry it stands on; seq 0 and no hash before the first. Of a moment to come: as of now. Raises LGUSR, 55P03.';

revoke all on function ledger.get_moments from public;
grant execute on function ledger.get_moments to ledger_service, ledger_dba;
