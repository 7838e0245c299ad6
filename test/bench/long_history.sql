-- Posts credits of 0.01 for a user who has entries already, by the product's own hash, as many as
-- a batch would take minutes for. The caller is the only one who writes to this user.
create procedure pg_temp.lengthen(user_id bigint, entries integer)
  language plpgsql as $$
declare
  v_last public.payment_history;
  v_entry ledger.entry;
  v_entries ledger.entry[] := '{}';
begin
  select h.* into strict v_last from public.payment_history h
   where h.user_id = lengthen.user_id order by h.seq desc limit 1;
  v_entry.user_id := lengthen.user_id;
  v_entry.seq := v_last.seq; v_entry.balance := v_last.balance;
  v_entry.posted_at := v_last.sealed_at; v_entry.hash := v_last.hash;
  for v_n in 1 .. lengthen.entries loop
    v_entry := ledger.next_entry(v_entry.hash, v_entry.user_id, v_entry.seq + 1, 'CREDIT',
      0.01, v_entry.balance + 0.01, v_entry.posted_at + interval '1 microsecond', null, null, 0.00,
      null, null, null, null);
    v_entries := array_append(v_entries, v_entry);
    if cardinality(v_entries) = 10000 or v_n = lengthen.entries then
      perform ledger.insert_entries(v_entries);
      v_entries := '{}';
      commit;
    end if;
  end loop;
  perform public.recalculate_balance(lengthen.user_id);
end $$;
