create or replace function ledger.verify_references()
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v_more bigint;
begin
  -- Users are on several servers then, and their references on one, so these are only counted:
  -- verify_details has seen that each of them that has to be there is.
  if ledger.is_distributed() then
    select count(d.reference) + count(d.idempotency_key) into v_more from public.user_details d;
    v_more := (select count(*) from public.user_references)
      + (select count(*) from public.user_keys) - v_more;
    if v_more > 0 then
      return next row('reference_differs', null, null, format(
        'user_references and user_keys have %s rows more than user_details.', v_more
        ))::ledger.finding;
    end if;
    return;
  end if;
  return query
  select 'reference_differs', r.user_id, null::bigint,
         'user_references has a reference of the user that user_details doesn''t have.'
    from public.user_references r
   where not exists (select from public.user_details d
                      where d.user_id = r.user_id and d.reference = r.reference)
  union all
  select 'reference_differs', k.user_id, null,
         'user_keys has a key of the user that user_details doesn''t have.'
    from public.user_keys k
   where not exists (select from public.user_details d
                      where d.user_id = k.user_id and d.idempotency_key = k.idempotency_key);
end $$;

comment on function ledger.verify_references is
  'The findings about references and keys that lead to a user who wasn''t made with them; verify_details looks the other way. Internal.';

revoke all on function ledger.verify_references from public;
