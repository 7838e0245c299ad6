create or replace function ledger.is_valid_key_and_metadata(idempotency_key text, metadata jsonb)
  returns boolean
  language sql immutable parallel safe as $$
  select coalesce(length(idempotency_key) between 1 and 255 and idempotency_key !~ '[^!-~]', true)
    and coalesce(jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 8192, true)
$$;

comment on function ledger.is_valid_key_and_metadata is
  'Whether an entry or a hold may carry this idempotency key (1 to 255 visible ASCII characters, or null) and metadata (an object of at most 8192 bytes as PostgreSQL prints it, or null).';

revoke all on function ledger.is_valid_key_and_metadata from public;
