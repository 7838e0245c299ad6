create or replace function find_key(user_id bigint, idempotency_key text)
  returns table (found payment_history, is_hold boolean)
  language sql stable rows 1 as $$
  select (select h from payment_history h where h.user_id = find_key.user_id
            and h.idempotency_key = find_key.idempotency_key),
         -- Not EXISTS, which may be answered from a hash table of all holds.
         (select o.hold from holds o where o.user_id = find_key.user_id
             and o.idempotency_key = find_key.idempotency_key) is not null
         or (select o.hold from holds o where o.user_id = find_key.user_id
                and o.release_key = find_key.idempotency_key) is not null
$$;

comment on function find_key is
  'What a user''s idempotency key was used for: the entry that carries it, and whether a hold does. Internal.';

revoke all on function find_key from public;
