create or replace function ledger.refuse_moved()
  returns void
  language plpgsql volatile as $$
begin
  raise exception using errcode = 'LGMOV', message = 'not the server of this user',
    detail = 'Citus calls functions where the user is, but stops that for a session in which it has failed to plan a statement with subqueries.',
    hint = 'Repeat it in a new session.';
end $$;

comment on function ledger.refuse_moved is
  'Raises LGMOV: this server hasn''t the shard of a user, so Citus didn''t have the right one do it, and nothing was done.';

revoke all on function ledger.refuse_moved from public;
