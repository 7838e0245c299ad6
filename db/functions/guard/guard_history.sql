create or replace function ledger.guard_history()
  returns trigger
  -- Whose names and operators these are is not for whoever tries to say.
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_pending record;
begin
  if tg_table_name = 'payment_history' and tg_op = 'UPDATE' and tg_level = 'ROW' then
    v_pending := new;
    v_pending.id := old.id;
    v_pending.seq := null;
    v_pending.balance := null;
    v_pending.sealed_at := null;
    v_pending.held := null;
    v_pending.hash := null;
    if num_nulls(new.seq, new.balance, new.sealed_at, new.held, new.hash) = 0
      and v_pending is not distinct from old then
      return new;
    end if;
  end if;
  if tg_table_name = 'payment_history' and tg_level = 'ROW'
    and has_table_privilege('public.interventions', 'insert') then
    -- By the transaction's number and start: a restored copy counts its transactions anew.
    if exists (select from public.interventions i where i.transaction = pg_current_xact_id()
                 and i.at = now() and i.operation = 'BREAK GLASS') then
      insert into public.interventions (operation, user_id, seq, before)
        values (tg_op, old.user_id, old.seq, to_jsonb(old));
      return case tg_op when 'UPDATE' then new else old end;
    end if;
  end if;
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on %s is refused; add an entry that corrects it.', tg_op, tg_table_name);
end $$;

comment on function ledger.guard_history is
  'Refuses every change of payment_history but pending to posted, except after break_glass, when it keeps what the row was; and every change of interventions. Raises LGIMM.';

revoke all on function ledger.guard_history from public;
