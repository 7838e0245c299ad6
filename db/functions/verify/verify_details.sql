create or replace function ledger.verify_details(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  d record;
  v_hash bytea;
begin
  -- Where users are on several servers, references and keys are on one: so one table a statement.
  for d in
    select x.*, u.created_at
      from public.user_details x left join public.users u on u.id = x.user_id
     where x.user_id > verify_details.after_user_id and x.user_id <= verify_details.upto_user_id
  loop
    v_hash := ledger.details_hash(d.user_id, d.created_at, d.reference, d.metadata,
      d.idempotency_key, d.asked_id);
    -- Without a user it has no created_at.
    if d.created_at is null or d.hash <> v_hash and not (num_nonnulls(d.reference, d.metadata, d.idempotency_key) = 0
      and ledger.is_erased('details', d.user_id, 0, 0, ledger.erased_hash(v_hash, d.hash))) then
      return next row('details_invalid', d.user_id, null,
        'What the user was made as, or created_at, was edited.')::ledger.finding;
    end if;
    -- Without the reference, which may be a person's name.
    if d.reference is not null and not exists (select from public.user_references r
        where r.reference = d.reference and r.user_id = d.user_id) then
      return next row('reference_differs', d.user_id, null,
        'user_references has another user for the reference, or none.')::ledger.finding;
    end if;
    if d.idempotency_key is not null and not exists (select from public.user_keys k
        where k.idempotency_key = d.idempotency_key and k.user_id = d.user_id) then
      return next row('reference_differs', d.user_id, null,
        'user_keys has another user for the key, or none.')::ledger.finding;
    end if;
  end loop;
end $$;

comment on function ledger.verify_details is
  'The findings about what a range of users were made as: a row of user_details was edited or belongs to nobody, or its reference or key doesn''t lead to the user. Internal.';

revoke all on function ledger.verify_details from public;
