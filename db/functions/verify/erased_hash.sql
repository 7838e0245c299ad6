create or replace function ledger.erased_hash(what_is_left bytea, hash bytea)
  returns bytea
  language sql immutable parallel safe as $$
  select sha256(what_is_left || hash)
$$;

comment on function ledger.erased_hash is
  'What erasures keeps of a row: sha256 over the hash that the row would have as it is now, and the one that it had when it was whole.';

revoke all on function ledger.erased_hash from public;
