create or replace function notify_changed(user_id bigint, version bigint)
  returns void
  language sql volatile as $$
  select pg_notify('ledger_changed', user_id || ':' || version)
$$;

comment on function notify_changed is
  'Tells every service that listens on ledger_changed that snapshots of the user below this version are out of date. NOTIFY serialises commits: never on the path of post_entries.';

revoke all on function notify_changed from public;
grant execute on function notify_changed to ledger_service;
