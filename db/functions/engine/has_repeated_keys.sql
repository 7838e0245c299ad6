create or replace function ledger.has_repeated_keys(user_ids bigint[], idempotency_keys text[])
  returns boolean
  language sql immutable as $$
  select idempotency_keys is not null
    and (select count(*) > count(distinct (i.id, i.key))
           from unnest(user_ids, idempotency_keys) i (id, key) where i.key is not null)
$$;

comment on function ledger.has_repeated_keys is
  'Whether two operations have the same user and idempotency key.';

revoke all on function ledger.has_repeated_keys from public;
