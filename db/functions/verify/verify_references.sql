create or replace function ledger.verify_references()
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  -- No join: where users are on several servers, references and keys are on one.
  return query
  select 'reference_differs', r.user_id, null::bigint,
         'user_references has a reference of the user that user_details doesn''t have.'
    from (select u.user_id, u.reference from public.user_references u
          except select d.user_id, d.reference from public.user_details d) r;
  return query
  select 'reference_differs', k.user_id, null::bigint,
         'user_keys has a key of the user that user_details doesn''t have.'
    from (select u.user_id, u.idempotency_key from public.user_keys u
          except select d.user_id, d.idempotency_key from public.user_details d) k;
end $$;

comment on function ledger.verify_references is
  'The findings about references and keys that lead to a user who wasn''t made with them; verify_details looks the other way. Internal.';

revoke all on function ledger.verify_references from public;
