create or replace function ledger.entry_change(entry payment_history)
  returns text
  language plpgsql stable as $$
declare
  v_moved public.payment_history := entry_change.entry;
  v_near bytea[];
  v_hash bytea;
begin
  -- Looks only near by: with a million bad rows, looking through all of them for each would never
  -- end.
  if exists (select from public.payment_history p
              where p.user_id = v_moved.user_id and p.seq between v_moved.seq - 1000
                and v_moved.seq + 1000 and p.seq <> v_moved.seq and p.hash = v_moved.hash) then
    return 'row_copied';
  end if;
  foreach v_moved.seq in array array[(entry_change.entry).seq - 1, (entry_change.entry).seq + 1] loop
    v_near := array(select p.hash from public.payment_history p
                     where p.user_id = v_moved.user_id
                       and p.seq between v_moved.seq - 2 and v_moved.seq + 2);
    if v_moved.seq = 1 then v_near := array_append(v_near, null); end if;
    -- One by one: is_hash_of reads a table that other servers don't have.
    foreach v_hash in array v_near loop
      if ledger.is_hash_of(v_hash, v_moved) then return 'order_changed'; end if;
    end loop;
  end loop;
  return 'hash_differs';
end $$;

comment on function ledger.entry_change is
  'What was done to a row whose hash is wrong: row_copied (an entry near by has the same hash), order_changed (it would be right one place before or after), or hash_differs. Internal.';

revoke all on function ledger.entry_change from public;
