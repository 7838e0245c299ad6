create or replace function copy_balances(user_ids bigint[])
  returns void
  language sql volatile as $$
  -- From the history, never the other way round.
  update users u
     set balance = s.balance, seq = s.seq, updated_at = s.updated_at
    from user_states(copy_balances.user_ids, clock_timestamp()) s
   where u.id = s.id and (u.balance, u.seq) is distinct from (s.balance, s.seq)
$$;

comment on function copy_balances is
  'Sets balance and seq of users whom the caller has locked to what the history says. Internal.';

revoke all on function copy_balances from public;
