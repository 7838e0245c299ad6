create or replace function open_users(user_ids bigint[], max_pending integer)
  returns void
  language plpgsql volatile as $$
declare
  v_statuses jsonb := seal_users(open_users.user_ids, lock_users(open_users.user_ids, true),
    open_users.max_pending);
  v_user_id bigint;
begin
  foreach v_user_id in array open_users.user_ids loop
    perform raise_status(coalesce(v_statuses ->> v_user_id::text, 'LGUSR'), v_user_id);
  end loop;
  -- Also for a repeat, which may pick up rows and write nothing else.
  perform copy_balances(open_users.user_ids);
  perform notify_changed(array_agg(u.id), array_agg(u.seq + u.hold_changes))
    from users u where u.id = any (open_users.user_ids);
end $$;

comment on function open_users is
  'Locks users until the end of the transaction, waiting for them, seals their hand-made rows, at most max_pending of each (null: all), and tells the services. Raises LGUSR, LGRNG, 55P03. Internal.';

revoke all on function open_users from public;
