create or replace function seal_pending(user_id bigint, max_rows integer)
  returns text
  language plpgsql volatile as $$
declare
  v_last record;
  v_at timestamptz;
  v_status text;
begin
  select * into v_last from last_entry(seal_pending.user_id);
  -- Once for all: they are counted at the same moment.
  v_at := greatest(clock_timestamp(), v_last.sealed_at);

  -- By what is pending, never by ids or times: a row may commit late with a low one.
  with pending as materialized (
    select p.id, p.n, p.action, p.amount, v_last.balance + sum(case p.action
             when 'CREDIT' then p.amount else -p.amount end) over (order by p.n) as balance
      from (select h.id, h.action, h.amount, row_number() over (order by h.id) as n
              from payment_history h
             where h.user_id = seal_pending.user_id and h.seq is null
             order by h.id limit seal_pending.max_rows) p
  ), range as (
    select coalesce(max(abs(p.balance)), 0) < 1000000000000000000 as kept from pending p
  ), sealed as (
    -- An insert that always meets the row, to reach each by its key: joined to them, it would be
    -- quadratic wherever the statistics are from before a bulk load.
    insert into payment_history as h (user_id, id, action, amount, seq, balance, sealed_at)
    select seal_pending.user_id, p.id, p.action, p.amount, v_last.seq + p.n, p.balance, v_at
      from pending p, range r where r.kept order by p.n
    on conflict on constraint payment_history_pkey do update
       set seq = excluded.seq, balance = excluded.balance, sealed_at = excluded.sealed_at
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
