create or replace function is_valid_note(idempotency_key text, metadata jsonb)
  returns boolean
  language sql immutable parallel safe as $$
  select coalesce(length(idempotency_key) between 1 and 255 and idempotency_key !~ '[^!-~]', true)
    and coalesce(jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 8192, true)
$$;

comment on function is_valid_note is
  'Whether an entry may carry this idempotency key (1 to 255 visible ASCII characters, or null) and metadata (an object of at most 8192 bytes as PostgreSQL prints it, or null). Internal.';

revoke all on function is_valid_note from public;
