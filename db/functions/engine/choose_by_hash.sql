create or replace function ledger.choose_by_hash(
  hash text, last_hashes integer[], statements text[])
  returns text
  language plpgsql immutable as $$
declare
  v_half integer := cardinality(choose_by_hash.statements) / 2;
begin
  if v_half = 0 then return choose_by_hash.statements[1]; end if;
  return format(E'if %s <= %s then\n%selse\n%send if;\n', choose_by_hash.hash,
    choose_by_hash.last_hashes[v_half],
    ledger.choose_by_hash(choose_by_hash.hash, choose_by_hash.last_hashes[:v_half],
      choose_by_hash.statements[:v_half]),
    ledger.choose_by_hash(choose_by_hash.hash, choose_by_hash.last_hashes[v_half + 1:],
      choose_by_hash.statements[v_half + 1:]));
end $$;

comment on function ledger.choose_by_hash is
  'Code in PL/pgSQL that does one of the statements: the first whose last hash, in ascending order, is not less than hash (an expression), and the last of them otherwise. It halves them, because each comparison costs.';

revoke all on function ledger.choose_by_hash from public;
