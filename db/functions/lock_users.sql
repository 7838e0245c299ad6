create or replace function lock_users(user_ids bigint[], wait boolean)
  returns bigint[]
  language plpgsql volatile as $$
declare
  v_locked bigint[];
begin
  -- In id order, so that two callers never wait for each other. NO KEY UPDATE, so that neither
  -- a hand-made insert (its foreign key takes KEY SHARE) waits for us, nor we for an open one.
  if wait then
    select array_agg(l.id) into v_locked from (
      select u.id from users u where u.id = any (lock_users.user_ids)
      order by u.id for no key update
    ) l;
  else
    select array_agg(l.id) into v_locked from (
      select u.id from users u where u.id = any (lock_users.user_ids)
      order by u.id for no key update skip locked
    ) l;
  end if;
  return coalesce(v_locked, '{}');
end $$;

comment on function lock_users is
  'Locks users in id order until the end of the transaction and returns the ids it got; without wait it leaves out those that somebody else holds. Read what the lock protects in a later statement: only that one has a snapshot from after the lock. Internal.';

revoke all on function lock_users from public;
