create or replace function user_states(user_ids bigint[], at timestamptz)
  returns table (id bigint, seq bigint, balance numeric, held numeric, sealed_at timestamptz,
    hash bytea, updated_at timestamptz, hold_changes bigint, expires_in_ms bigint)
  language sql stable as $$
  select u.id, coalesce(h.seq, 0), coalesce(h.balance, 0.00), coalesce(o.held, 0.00), h.sealed_at,
         h.hash, case u.seq when h.seq then u.updated_at else coalesce(h.sealed_at, u.updated_at) end,
         u.hold_changes,
         floor(extract(epoch from o.expires_at - user_states.at) * 1000)::bigint
    from users u
    left join lateral (
      select p.seq, p.balance, p.sealed_at, p.hash from payment_history p
       where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
    left join lateral (
      select sum(a.amount) as held, min(nullif(a.expires_at, 'infinity')) as expires_at
        from holds a where a.user_id = u.id and a.status = 'active'
         and a.expires_at > user_states.at) o on true
   where u.id = any (user_states.user_ids)
$$;

comment on function user_states is
  'What the history and the holds say of users at a moment that is now: the last sealed row, which is the sum of everything before it (0, 0.00 and nulls without any), the sum of the active holds, and in how many milliseconds the first of them expires (null: none does). A few index probes each. Internal.';

revoke all on function user_states from public;
