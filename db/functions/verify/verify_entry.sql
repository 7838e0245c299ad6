create or replace function ledger.verify_entry(entry payment_history)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v public.payment_history := verify_entry.entry;
  v_last public.payment_history;
  v_peer public.payment_history;
  v_problem text;
  v_signed numeric := ledger.change_of(v.action, v.amount);
begin
  select p.* into v_last from public.payment_history p
   where p.user_id = v.user_id and p.seq < v.seq order by p.seq desc limit 1;
  if v.seq <> coalesce(v_last.seq, 0) + 1 then
    return next row('gap', v.user_id, v.seq,
      format('The entry before it is %s.', coalesce(v_last.seq, 0)))::ledger.finding;
  end if;
  if exists (select from public.payment_history p where p.user_id = v.user_id and p.seq = v.seq
               and p.id <> v.id) then
    return next row('row_copied', v.user_id, v.seq, 'Another row has the same seq.')::ledger.finding;
  end if;
  if not coalesce(ledger.is_hash_of(v_last.hash, v), false) then
    return next row(ledger.entry_change(v), v.user_id, v.seq,
      'The hash is not that of this row after the one before.')::ledger.finding;
  -- A manual entry says itself when it happened; other entries happened when they were posted.
  elsif v.ts <> v.sealed_at and not exists (select from public.manual_entries m
      where m.user_id = v.user_id and m.seq = v.seq) then
    return next row('manual_entry_invalid', v.user_id, v.seq,
      'Nothing says who entered it.')::ledger.finding;
  end if;
  if not ledger.is_valid_amount(v.amount) or v_signed is null then
    return next row('entry_invalid', v.user_id, v.seq,
      format('%s %s is no entry.', v.action, v.amount))::ledger.finding;
  end if;
  if v.balance is distinct from coalesce(v_last.balance, 0) + v_signed then
    return next row('balance_wrong', v.user_id, v.seq, format('Balance is %s, should be %s.',
      v.balance, coalesce(v_last.balance, 0) + v_signed))::ledger.finding;
  end if;
  -- Version 1 of the encoding let two entries have the same moment.
  if v.sealed_at < v_last.sealed_at or v.sealed_at = v_last.sealed_at
    and v.hash <> ledger.entry_hash_1(v_last.hash, v.user_id, v.seq, v.action, v.amount, v.ts,
      v.balance, v.sealed_at, v.idempotency_key, v.metadata, v.held, v.hold, v.reverses,
      v.peer_user_id, v.peer_seq) then
    return next row('sealed_at_goes_back', v.user_id, v.seq,
      format('Not posted after entry %s.', v_last.seq))::ledger.finding;
  end if;
  select p.* into v_peer from public.payment_history p
   where p.user_id = v.peer_user_id and p.seq = v.peer_seq;
  if v.peer_user_id is not null and (v_peer.peer_user_id, v_peer.peer_seq, v_peer.amount,
      v_peer.action <> v.action, (v_peer.reverses is null) = (v.reverses is null))
    is distinct from (v.user_id, v.seq, v.amount, true, true) then
    return next row('transfer_unmatched', v.user_id, v.seq, format('Entry %s of user %s is %s.',
      v.peer_seq, v.peer_user_id,
      case when v_peer.seq is null then 'missing' else 'not its other half' end))::ledger.finding;
  end if;
  v_problem := ledger.reversal_problem(v, v_peer.reverses);
  if v_problem is not null then
    return next row('reversal_unmatched', v.user_id, v.seq,
      format('Entry %s is %s.', v.reverses, v_problem))::ledger.finding;
  end if;
  if v.hold is not null and (v.action <> 'DEBIT' or not exists (select from public.hold_changes c
      where c.user_id = v.user_id and c.hold = v.hold and c.action = 'captured'
        and c.seq = v.seq and c.amount = v.amount)) then
    return next row('hold_invalid', v.user_id, v.seq,
      format('Hold %s was not captured by it.', v.hold))::ledger.finding;
  end if;
end $$;

comment on function ledger.verify_entry is
  'The findings about one posted row: against the row before it, who entered it, the other half of its transfer, the entry that it reverses, and its hold. Internal.';

revoke all on function ledger.verify_entry from public;
