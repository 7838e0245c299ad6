create or replace function ledger.write_all(
  changes public.hold_changes[], entries ledger.entry[], accounts ledger.account[])
  returns void
  language plpgsql volatile as $$
begin
  if ledger.is_distributed() then
    perform ledger.write_each(write_all.changes, write_all.entries, write_all.accounts);
  else
    perform ledger.write_changes(write_all.changes), ledger.insert_entries(write_all.entries);
    perform ledger.copy_accounts(write_all.accounts);
  end if;
end $$;

comment on function ledger.write_all is
  'Writes changes of holds and entries, and sets the copies in users of their accounts.';

revoke all on function ledger.write_all from public;
