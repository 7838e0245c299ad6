create or replace function seal_users(user_ids bigint[], locked_ids bigint[], max_pending integer)
  returns jsonb
  language plpgsql volatile as $$
declare
  v_statuses jsonb;
begin
  -- What committed before we got the locks is visible from this statement on, not before.
  -- Not EXISTS, which may be answered from a hash table of everybody's pending rows.
  select jsonb_object_agg(u.id, case
           when u.id <> all (seal_users.locked_ids) then '55P03'
           when (select h.id from payment_history h where h.user_id = u.id and h.seq is null limit 1)
             is not null
             then seal_pending(u.id, seal_users.max_pending)
           else 'ok' end)
    into v_statuses
    from users u where u.id = any (seal_users.user_ids);
  return coalesce(v_statuses, '{}');
end $$;

comment on function seal_users is
  'Seals at most max_pending hand-made rows (null: all) of each of the users that the caller has locked, and answers ok or a SQLSTATE by user id; who is absent doesn''t exist. Internal.';

revoke all on function seal_users from public;
