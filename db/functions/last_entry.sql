create or replace function last_entry(user_id bigint)
  returns table (seq bigint, balance numeric, sealed_at timestamptz)
  language sql stable rows 1 as $$
  -- The aggregates make it one row for a user without history, too.
  select coalesce(max(h.seq), 0), coalesce(max(h.balance), 0.00), max(h.sealed_at)
    from (select p.seq, p.balance, p.sealed_at from payment_history p
           where p.user_id = last_entry.user_id and p.seq is not null
           order by p.seq desc limit 1) h
$$;

comment on function last_entry is
  'The last sealed row of a user, which is the sum of everything before it: seq, balance in units of the currency, sealed_at. 0, 0, null without any. One index probe. Internal.';

revoke all on function last_entry from public;
