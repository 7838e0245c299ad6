create or replace function find_key(user_id bigint, idempotency_key text)
  returns table (found payment_history, is_hold boolean)
  language sql stable rows 1 as $$
  select (select h from payment_history h where h.user_id = find_key.user_id
            and h.idempotency_key = find_key.idempotency_key),
         exists (select from holds o where o.user_id = find_key.user_id
                   and o.idempotency_key = find_key.idempotency_key)
         or exists (select from holds o where o.user_id = find_key.user_id
                      and o.release_key = find_key.idempotency_key)
$$;

comment on function find_key is
  'What a user''s idempotency key was used for: the entry that carries it, and whether a hold does. Internal.';

revoke all on function find_key from public;
