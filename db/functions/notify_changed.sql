create or replace function notify_changed(user_ids bigint[], versions bigint[])
  returns void
  language sql volatile as $$
  select pg_notify('ledger_changed', u.id || ':' || u.version)
    from unnest(notify_changed.user_ids, notify_changed.versions) u (id, version)
$$;

comment on function notify_changed is
  'Tells every service that listens on ledger_changed that snapshots of these users below these versions are out of date; user 0 stands for everybody. NOTIFY serialises commits: never on the path of post_entries.';

revoke all on function notify_changed from public;
grant execute on function notify_changed to ledger_service;
