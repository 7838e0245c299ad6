create or replace function public.break_glass(reason text)
  returns bigint
  language plpgsql volatile as $$
declare
  v_id bigint;
begin
  if ledger.is_distributed() then perform ledger.refuse_distributed('Breaking the glass'); end if;
  if coalesce(length(break_glass.reason), 0) < 10 then
    raise exception using errcode = '22023', message = 'a reason of at least 10 characters is needed',
      hint = 'Say who decided it and why: it stays for ever.';
  end if;
  insert into public.interventions (operation, reason)
    values ('BREAK GLASS', break_glass.reason) returning id into v_id;
  return v_id;
end $$;

comment on function public.break_glass is
  'Lets the rest of this transaction update and delete rows of payment_history, each with a trace of what it was. verify_ledger reports it for ever. Only for the owner of the ledger. Raises 22023 without a reason.';

revoke all on function public.break_glass from public;
