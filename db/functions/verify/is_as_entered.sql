create or replace function ledger.is_as_entered(
  manual_entry public.manual_entries, entry public.payment_history, kind text, number bigint)
  returns boolean
  language plpgsql stable as $$
declare
  m public.manual_entries := is_as_entered.manual_entry;
  e public.payment_history := is_as_entered.entry;
  v_hash bytea := ledger.manual_entry_hash(e, m.id, m.entered_at, m.entered_by);
  v_ids bigint[];
begin
  -- Which nobody can enter.
  if num_nonnulls(e.hold, e.reverses, e.peer_user_id, e.peer_seq) > 0 then return false; end if;
  if v_hash = m.hash
    or ledger.is_mark(e.metadata) and ledger.is_erased('manual_entry', m.user_id, m.id, 0,
      ledger.erased_hash(v_hash, m.hash)) then
    return true;
  end if;
  -- Erased when nothing was written down of manual entries. No join: where users are on several
  -- servers, interventions are on one.
  v_ids := array(select x.intervention from public.erasures x
                  where x.kind = is_as_entered.kind and x.user_id = m.user_id
                    and x.number = is_as_entered.number);
  return exists (select from public.interventions i
                  where i.id = any (v_ids) and not i.before ? 'manual_entries');
end $$;

comment on function ledger.is_as_entered is
  'Whether an entry, or what the erasure of its row (kind, number) left of it, is what the row of manual_entries says was entered. Internal.';

revoke all on function ledger.is_as_entered from public;
