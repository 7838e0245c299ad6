create or replace function ledger.record_entry()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_at timestamptz;
begin
  -- What the engine posts. Asked here, since WHEN of a trigger costs every insert more.
  if new.seq is not null then return null; end if;
  -- After the lock of check_entry, and so after this transaction got its id, which anchors rely on.
  v_at := clock_timestamp();
  insert into public.manual_entries (user_id, id, entered_at, entered_by, hash)
  values (new.user_id, new.id, v_at, session_user,
    ledger.manual_entry_hash(new, new.id, v_at, session_user));
  return null;
end $$;

comment on function ledger.record_entry is
  'Records who entered a manual entry, and when; passes what the engine posts. After the insert, which ON CONFLICT may skip.';

revoke all on function ledger.record_entry from public;
