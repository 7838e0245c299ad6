create or replace function ledger.reversal_problem(
  entry public.payment_history, peer_reverses bigint)
  returns text
  language plpgsql stable as $$
declare
  v public.payment_history := reversal_problem.entry;
  v_reversed public.payment_history;
begin
  if v.reverses is null then return null; end if;
  select p.* into v_reversed from public.payment_history p
   where p.user_id = v.user_id and p.seq = v.reverses;
  if v_reversed.seq is null then return 'missing'; end if;
  if v.reverses >= v.seq or (v_reversed.action <> v.action, v_reversed.peer_user_id,
      v_reversed.peer_seq, (
        select sum(r.amount) <= v_reversed.amount from public.payment_history r
         where r.user_id = v.user_id and r.reverses = v.reverses and r.seq <= v.seq))
    is distinct from (true, v.peer_user_id, reversal_problem.peer_reverses, true) then
    return 'not what it reverses';
  end if;
  return null;
end $$;

comment on function ledger.reversal_problem is
  'What is wrong with the entry that an entry reverses, in words, or null: it is missing, or is no opposite of it, or less was left of it, or the other half of its transfer is not what the other half of this one reverses (peer_reverses). Internal.';

revoke all on function ledger.reversal_problem from public;
