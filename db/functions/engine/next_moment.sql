create or replace function ledger.next_moment(last timestamptz)
  returns timestamptz
  language sql volatile as $$
  select greatest(clock_timestamp(), last + interval '1 microsecond')
$$;

comment on function ledger.next_moment is
  'When an entry counts: by the clock, but later than the entry before it (null: there is none), whatever the clock did. To be asked for after the lock.';

revoke all on function ledger.next_moment from public;
