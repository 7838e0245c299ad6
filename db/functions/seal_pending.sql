create or replace function seal_pending(user_id bigint, max_rows integer)
  returns text
  language plpgsql volatile as $$
declare
  v_last record;
  v_at timestamptz;
  v_status text;
begin
  select * into v_last from last_entry(seal_pending.user_id);
  -- Once for all, since the update may take the rows in any order.
  v_at := greatest(clock_timestamp(), v_last.sealed_at);

  -- By what is pending, never by ids or times: a row may commit late with a low one.
  with pending as materialized (
    select p.id, p.n, v_last.balance + sum(case p.action when 'CREDIT' then p.amount
             else -p.amount end) over (order by p.n) as balance
      from (select h.id, h.action, h.amount, row_number() over (order by h.id) as n
              from payment_history h
             where h.user_id = seal_pending.user_id and h.seq is null
             order by h.id limit seal_pending.max_rows) p
  ), range as (
    select coalesce(max(abs(p.balance)), 0) < 1000000000000000000 as kept from pending p
  ), sealed as (
    update payment_history h
       set seq = v_last.seq + p.n, balance = p.balance, sealed_at = v_at
      from pending p, range r
     where h.user_id = seal_pending.user_id and h.id = p.id and r.kept
  )
  select case when r.kept then 'ok' else 'LGRNG' end into v_status from range r;

  if v_status = 'ok' and exists (select from payment_history h
                                  where h.user_id = seal_pending.user_id and h.seq is null) then
    return '55P03';
  end if;
  return v_status;
end $$;

comment on function seal_pending is
  'Gives pending rows of a user whom the caller has locked their seq, balance and sealed_at, oldest id first, at most max_rows of them (null: all). Returns ok, 55P03 when some are left, or LGRNG when the balance would leave its range (then nothing is sealed). Internal.';

revoke all on function seal_pending from public;
