create or replace function ledger.verify_copies(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  return query
    select case when c.seq > c.last_seq then 'tail_missing' else 'copy_differs' end, c.id,
           case when c.seq > c.last_seq then c.seq else c.last_seq end,
           case when c.seq > c.last_seq
             then format('users.seq is %s, the last entry %s.', c.seq, c.last_seq)
             else format('users has balance %s at %s, the history %s at %s.', c.balance, c.seq,
               c.last_balance, c.last_seq) end
      from (
        select u.id, u.seq, u.balance, coalesce(h.seq, 0) as last_seq,
               coalesce(h.balance, 0) as last_balance
          from public.users u
          left join lateral (
            select p.seq, p.balance from public.payment_history p
             where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
         where u.id > verify_copies.after_user_id and u.id <= verify_copies.upto_user_id) c
     where (c.seq, c.balance) is distinct from (c.last_seq, c.last_balance);
end $$;

comment on function ledger.verify_copies is
  'The findings about the copies in users of a range of users: users.seq and users.balance are not those of the last entry. Internal.';

revoke all on function ledger.verify_copies from public;
