create or replace function ledger.refuse_distributed(what text)
  returns void
  language plpgsql volatile as $$
begin
  raise exception using errcode = 'LGDIS',
    message = format('%s is not possible while the ledger is distributed', refuse_distributed.what),
    hint = 'docs/how-to/distribute.md says what is.';
end $$;

comment on function ledger.refuse_distributed is
  'Raises LGDIS: what this is about doesn''t work on a ledger whose users are on several servers.';

revoke all on function ledger.refuse_distributed from public;
