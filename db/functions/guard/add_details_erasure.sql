create or replace function ledger.add_details_erasure(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  d public.user_details;
  v_at timestamptz;
begin
  select u.created_at into v_at from public.users u where u.id = add_details_erasure.user_id;
  select x.* into d from public.user_details x
   where x.user_id = add_details_erasure.user_id and v_at < add_details_erasure.before
     and num_nonnulls(x.reference, x.metadata, x.idempotency_key) > 0;
  if not found then return; end if;
  if d.hash <> ledger.details_hash(d.user_id, v_at, d.reference, d.metadata, d.idempotency_key,
    d.asked_id) then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('What user %s was made as is not what its hash says.', d.user_id),
      hint = 'Find out why with verify_user first: nobody could tell afterwards.';
  end if;
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_details_erasure.intervention, 'details', d.user_id, 0,
    ledger.erased_hash(ledger.details_hash(d.user_id, v_at, null, null, null, d.asked_id), d.hash));
end $$;

comment on function ledger.add_details_erasure is
  'Writes down what will be left of what a user from before a moment was made as, which an intervention is about to erase. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_details_erasure from public;
