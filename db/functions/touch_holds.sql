create or replace function touch_holds(user_id bigint)
  returns timestamptz
  language plpgsql volatile as $$
declare
  v_at timestamptz;
begin
  update users u
     set hold_changes = u.hold_changes + 1, updated_at = greatest(clock_timestamp(), u.updated_at)
   where u.id = touch_holds.user_id
  returning u.updated_at into strict v_at;
  perform notify_changed(array[u.id], array[u.seq + u.hold_changes])
    from users u where u.id = touch_holds.user_id;
  return v_at;
end $$;

comment on function touch_holds is
  'Raises the version of a user whose holds the caller changes, tells the services, and answers when. Internal.';

revoke all on function touch_holds from public;
