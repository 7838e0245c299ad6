create or replace function ledger.guard_history()
  returns trigger
  -- A fixed search_path: the session must not choose which operators and functions these names
  -- mean.
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Its shards have the number of the shard behind the name.
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name ~ '^payment_history(_[0-9]+)?$' then
    -- By name: a column that somebody has added may be generated, which has no value yet.
    if num_nonnulls(old.seq, old.balance, old.sealed_at, old.held, old.hash) = 0
      and num_nulls(new.seq, new.balance, new.sealed_at, new.held, new.hash) = 0
      and (new.user_id, new.action, new.amount, new.ts, new.idempotency_key, new.metadata,
          new.hold, new.reverses, new.peer_user_id, new.peer_seq)
        is not distinct from (old.user_id, old.action, old.amount, old.ts, old.idempotency_key,
          old.metadata, old.hold, old.reverses, old.peer_user_id, old.peer_seq)
    then
      return new;
    end if;
  end if;
  if tg_table_name = 'payment_history' and tg_level = 'ROW'
    and has_table_privilege('public.interventions', 'insert') then
    -- By the transaction's id and start, because a restored copy counts its transactions anew.
    if exists (select from public.interventions i where i.transaction = pg_current_xact_id()
                 and i.at >= now() and i.operation = 'BREAK GLASS') then
      insert into public.interventions (operation, user_id, seq, before)
        values (tg_op, old.user_id, old.seq, to_jsonb(old));
      return case tg_op when 'UPDATE' then new else old end;
    elsif tg_op = 'DELETE' and old.seq is null and exists (
        select from public.interventions i where i.transaction = pg_current_xact_id()
           and i.at >= now() and i.operation = 'WITHDRAW' and i.user_id = old.user_id
           and i.before = to_jsonb(old)) then
      return old;
    end if;
  end if;
  if tg_op = 'DELETE' and tg_level = 'ROW' and tg_table_name ~ '^payment_history_[0-9]+$' then
    -- On a shard, which doesn't see interventions.
    if old.seq is null and current_setting('ledger.withdrawn', true) = old.id::text then
      return old;
    end if;
  end if;
  if tg_table_name ~ '^payment_history_[0-9]+$' and tg_level = 'ROW'
    and has_table_privilege(to_regclass('public.intervention_traces'), 'insert') then
    if ledger.trace_change(tg_op, to_jsonb(old)) then
      return case tg_op when 'UPDATE' then new else old end;
    end if;
  elsif tg_op = 'UPDATE' and tg_level = 'ROW'
    and tg_table_name ~ '^intervention_traces(_[0-9]+)?$' then
    -- What the row was is in the chain by then: see collect_traces.
    if to_jsonb(new) = to_jsonb(old) || '{"before": null}' then return new; end if;
  end if;
  -- A shard doesn't see interventions, but erasures.
  if tg_op = 'UPDATE' and tg_level = 'ROW' and has_table_privilege(case
      when tg_table_name ~ '_[0-9]+$' then 'public.erasures' else 'public.interventions' end,
      'insert') then
    -- Not in the condition before, which would need the right to call it.
    if ledger.is_erasure(tg_table_name, to_jsonb(old), to_jsonb(new)) then return new; end if;
  end if;
  -- A subscriber repeats what was a withdrawal, an erasure or an intervention on its publisher. No
  -- session can choose to be a process that applies a subscription.
  if tg_level = 'ROW' and exists (
      select from pg_stat_subscription s where s.pid = pg_backend_pid()) then
    return case tg_op when 'UPDATE' then new else old end;
  end if;
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on %s is refused.', tg_op, tg_table_name),
    hint = 'Add an entry that corrects it: see reverse_entry, or withdraw_entry for one that is pending.';
end $$;

comment on function ledger.guard_history is
  'Refuses every change of payment_history but pending to posted, except after break_glass, when it keeps what the row was, by withdraw_entry and erase_user, and where a subscription repeats one of these; and every change of other tables that it guards. Raises LGIMM.';

revoke all on function ledger.guard_history from public;
