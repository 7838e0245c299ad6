create or replace function ledger.verify_references()
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  -- Users are on several servers then, and their references on one.
  if ledger.is_distributed() then return; end if;
  -- Without the reference, which may be a person's name.
  return query
  select 'reference_differs', coalesce(d.user_id, r.user_id), null::bigint,
         'user_references has another user for a reference than user_details.'
    from (select o.user_id, o.reference from public.user_details o where o.reference is not null) d
    full join public.user_references r on r.user_id = d.user_id and r.reference = d.reference
   where d.user_id is null or r.user_id is null
  union all
  select 'reference_differs', coalesce(d.user_id, k.user_id), null,
         'user_keys has another user for a key than user_details.'
    from (select o.user_id, o.idempotency_key from public.user_details o
           where o.idempotency_key is not null) d
    full join public.user_keys k
      on k.user_id = d.user_id and k.idempotency_key = d.idempotency_key
   where d.user_id is null or k.user_id is null;
end $$;

comment on function ledger.verify_references is
  'The findings about references and keys of users: user_references or user_keys leads to another user than user_details says, or to none. Internal.';

revoke all on function ledger.verify_references from public;
