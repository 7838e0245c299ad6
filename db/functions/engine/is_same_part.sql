create or replace function ledger.is_same_part(
  operation text, user_id bigint, amount numeric, earlier ledger.earlier)
  returns boolean
  language plpgsql volatile as $$
declare
  f ledger.earlier := is_same_part.earlier;
begin
  if f.reverses is not null then
    return f.amount = coalesce(is_same_part.amount, (
      select e.amount - coalesce((select sum(r.amount) from public.payment_history r
               where r.user_id = e.user_id and r.reverses = e.seq and r.seq < f.seq), 0)
        from public.payment_history e
       where e.user_id = is_same_part.user_id and e.seq = f.reverses));
  end if;
  return (
    select f.amount = coalesce(is_same_part.amount, p.remaining)
           and c.remaining = case is_same_part.operation when 'CAPTURE' then 0
             else p.remaining - f.amount end
      from public.hold_changes c
      join public.hold_changes p on (p.user_id, p.hold, p.number) = (c.user_id, c.hold, c.number - 1)
     where c.user_id = is_same_part.user_id and c.hold = f.hold and c.seq = f.seq
       and c.action = 'captured');
end $$;

comment on function ledger.is_same_part is
  'Whether the entry that carries a key (earlier: see find_key) has captured or reversed as much as this request would have then (amount null: all that was left), and left as much held.';

revoke all on function ledger.is_same_part from public;
