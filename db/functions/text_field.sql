create or replace function text_field(value text)
  returns bytea
  language sql immutable parallel safe as $$
  select case when value is null then '\xffffffff'::bytea
    else int4send(octet_length(value)) || convert_to(value, 'UTF8') end
$$;

comment on function text_field is
  'A text in entry_hash: its length in bytes as a big-endian int4, then the bytes; -1 alone for null. Internal.';

revoke all on function text_field from public;
