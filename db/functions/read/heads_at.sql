create or replace function ledger.heads_at(
  at timestamptz, after_user_id bigint default 0, max_rows integer default 10000)
  returns table (user_id bigint, seq bigint, hash bytea, balance numeric)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  if ledger.is_distributed() then
    -- On all servers at once; each looks through what its users have had since.
    return query
      select u.id, coalesce(h.seq, 0), h.hash, h.balance
        from public.users u
        left join lateral (
          select p.seq, p.hash, p.balance from public.payment_history p
           where p.user_id = u.id and p.seq is not null and p.sealed_at <= heads_at.at
           order by p.seq desc limit 1) h on true
       where u.id > heads_at.after_user_id order by u.id limit heads_at.max_rows;
    return;
  end if;
  return query
    select u.id, coalesce(h.seq, 0), h.hash, h.balance
      from (select u.id from public.users u where u.id > heads_at.after_user_id
             order by u.id limit heads_at.max_rows) u
      left join lateral (
        select p.seq, p.sealed_at from public.payment_history p
         where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) l on true
      left join public.payment_history h on h.user_id = u.id and h.seq = case
        when l.sealed_at <= heads_at.at then l.seq else ledger.entry_at(u.id, heads_at.at) end
     order by u.id;
end $$;

comment on function ledger.heads_at is
  'The last entry of each of at most max_rows users after an id as of a moment, with its hash and balance; seq 0 and neither for who had none. An anchor is made of them.';

revoke all on function ledger.heads_at from public;
grant execute on function ledger.heads_at to ledger_dba;
