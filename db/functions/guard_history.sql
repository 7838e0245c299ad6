create or replace function guard_history()
  returns trigger
  language plpgsql as $$
declare
  -- No type by name, which whoever tries could have a search_path without.
  v_unsealed record;
begin
  if tg_op = 'UPDATE' and tg_level = 'ROW' then
    v_unsealed := new;
    v_unsealed.seq := null;
    v_unsealed.balance := null;
    v_unsealed.sealed_at := null;
    v_unsealed.held := null;
    v_unsealed.hash := null;
    if new.seq is not null and v_unsealed is not distinct from old then
      return new;
    end if;
  end if;
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on payment_history is refused; add an entry that corrects it.', tg_op);
end $$;

comment on function guard_history is
  'Refuses every change of payment_history but pending to sealed. Raises LGIMM.';

revoke all on function guard_history from public;
