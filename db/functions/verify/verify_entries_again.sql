create or replace function ledger.verify_entries_again(entries public.payment_history[])
  returns ledger.finding[]
  -- Volatile, so that it sees what was committed since its caller began.
  language plpgsql volatile as $$
declare
  v_entry public.payment_history;
  v_findings ledger.finding[] := '{}';
begin
  perform ledger.await_prepared();
  foreach v_entry in array verify_entries_again.entries loop
    select p.* into v_entry from public.payment_history p
     where p.user_id = v_entry.user_id and p.id = v_entry.id;
    if found then
      v_findings := v_findings || array(select f from ledger.verify_entry(v_entry) f);
    end if;
  end loop;
  return v_findings;
end $$;

comment on function ledger.verify_entries_again is
  'The findings of verify_entry about some posted rows, in a second look, for where users are on several servers: the other half of a transfer that was on its way in the first is there by now. Internal.';

revoke all on function ledger.verify_entries_again from public;
