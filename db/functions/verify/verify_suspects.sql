create or replace function ledger.verify_suspects(entries public.payment_history[])
  returns ledger.finding[]
  language plpgsql stable as $$
declare
  v_entry public.payment_history;
  v_bad public.payment_history[] := '{}';
  v_found ledger.finding[];
  v_findings ledger.finding[] := '{}';
begin
  -- One by one: what verify_entry reads may be on other servers.
  foreach v_entry in array verify_suspects.entries loop
    v_found := array(select f from ledger.verify_entry(v_entry) f);
    if cardinality(v_found) > 0 then
      v_findings := v_findings || v_found;
      v_bad := array_append(v_bad, v_entry);
    end if;
  end loop;
  if ledger.is_distributed() and cardinality(v_bad) > 0 then
    return ledger.verify_entries_again(v_bad);
  end if;
  return v_findings;
end $$;

comment on function ledger.verify_suspects is
  'The findings about posted rows that verify_entries alone can''t tell to be right. Internal.';

revoke all on function ledger.verify_suspects from public;
