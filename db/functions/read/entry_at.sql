create or replace function ledger.entry_at(user_id bigint, at timestamptz)
  returns bigint
  language plpgsql stable as $$
declare
  v_low bigint := 0;
  v_high bigint := (select coalesce(max(h.seq), 0) from public.payment_history h
                    where h.user_id = entry_at.user_id);
  v_middle bigint;
begin
  -- sealed_at never goes back as seq goes on, so twenty probes find one among a million.
  while v_low < v_high loop
    v_middle := (v_low + v_high + 1) / 2;
    if (select h.sealed_at from public.payment_history h
         where h.user_id = entry_at.user_id and h.seq = v_middle) <= entry_at.at then
      v_low := v_middle;
    else
      v_high := v_middle - 1;
    end if;
  end loop;
  return v_low;
end $$;

comment on function ledger.entry_at is
  'The seq of the last entry that had been posted at a moment, by binary search over the index on seq; 0: none. Internal.';

revoke all on function ledger.entry_at from public;
