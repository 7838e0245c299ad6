create or replace function ledger.verify_manual_entries(
  after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  m public.manual_entries;
  e public.payment_history;
  v_kind text;
  v_number bigint;
  v record;
begin
  -- One user a statement, and no row of a table as an argument in one: on a distributed ledger,
  -- shards have types of their own.
  for m in
    select x.* from public.manual_entries x
     where x.user_id > verify_manual_entries.after_user_id
       and x.user_id <= verify_manual_entries.upto_user_id
  loop
    v_kind := 'entry';
    e := null;
    if m.seq is null then
      select h.* into e from public.payment_history h
       where h.user_id = m.user_id and h.id = m.id and h.seq is null;
      if not found then
        -- Where users are on several servers, each statement sees a later moment: it may be posted.
        select x.* into m from public.manual_entries x where x.user_id = m.user_id and x.id = m.id;
      end if;
    end if;
    v_number := m.seq;
    if m.seq is not null then
      select h.* into e from public.payment_history h
       where h.user_id = m.user_id and h.seq = m.seq;
    elsif e.user_id is null then
      -- Withdrawn: then this is what it was.
      v_kind := 'intervention';
      v := ledger.withdrawal_of(m.user_id, m.id);
      v_number := v.intervention;
      e := jsonb_populate_record(null::public.payment_history, v.entry);
    end if;
    if not ledger.is_as_entered(m, e, v_kind, v_number) then
      return next row('manual_entry_invalid', m.user_id, m.seq,
        format('Manual entry %s, of %s by %s, %s.', m.id, m.entered_at, m.entered_by,
          case when e.user_id is null then 'is gone' else 'was edited' end))::ledger.finding;
    end if;
  end loop;

  return query
    select 'manual_entry_invalid', d.user_id, d.seq,
           format('Manual entries %s are the same entry.', string_agg(d.id::text, ', '))
      from public.manual_entries d
     where d.seq is not null and d.user_id > verify_manual_entries.after_user_id
       and d.user_id <= verify_manual_entries.upto_user_id
     group by d.user_id, d.seq having count(*) > 1
    union all
    select 'manual_entry_invalid', h.user_id, null,
           format('Nothing says who entered row %s.', h.id)
      from public.payment_history h
     where h.seq is null and h.user_id > verify_manual_entries.after_user_id
       and h.user_id <= verify_manual_entries.upto_user_id
       and not exists (select from public.manual_entries x
                        where x.user_id = h.user_id and x.id = h.id and x.seq is null);
end $$;

comment on function ledger.verify_manual_entries is
  'The findings about the manual entries of a range of users: those that are not pending, posted or withdrawn as they were entered, and pending rows that nobody has entered. Internal.';

revoke all on function ledger.verify_manual_entries from public;
