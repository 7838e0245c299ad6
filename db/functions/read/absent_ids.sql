create or replace function ledger.absent_ids(after_id bigint, last_id bigint)
  returns bigint[]
  language plpgsql stable as $$
begin
  return array(
    select g.id from generate_series(absent_ids.after_id + 1, absent_ids.last_id) g (id)
    except
    select h.id from public.payment_history h
     where h.id > absent_ids.after_id and h.id <= absent_ids.last_id
    except
    select c.position from public.hold_changes c
     where c.position > absent_ids.after_id and c.position <= absent_ids.last_id);
end $$;

comment on function ledger.absent_ids is
  'The ids after after_id, up to last_id, that no entry has and no change of a hold.';

revoke all on function ledger.absent_ids from public;
