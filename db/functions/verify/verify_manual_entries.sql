create or replace function ledger.verify_manual_entries(
  after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language sql stable
  set enable_hashjoin = off set enable_mergejoin = off as $$
  select row('manual_entry_invalid', m.user_id, m.seq, format('Manual entry %s, of %s by %s, %s.',
           m.id, m.entered_at, m.entered_by, case when e.entry is null
             then 'is gone' else 'was edited' end))::ledger.finding
    from public.manual_entries m
    left join lateral (
      select p as entry, exists (select from public.erasures x where x.kind = 'entry'
               and x.user_id = m.user_id and x.number = m.seq) as is_erased
        from public.payment_history p where p.user_id = m.user_id and p.seq = m.seq
      union all
      select p, false from public.payment_history p
       where m.seq is null and p.user_id = m.user_id and p.id = m.id and p.seq is null
      union all
      -- Withdrawn: then this is what it was.
      select jsonb_populate_record(null::public.payment_history, i.before),
             exists (select from public.erasures x where x.kind = 'intervention'
               and x.user_id = m.user_id and x.number = i.id)
        from public.interventions i
       where m.seq is null and i.user_id = m.user_id and i.operation = 'WITHDRAW'
         and i.before -> 'id' = to_jsonb(m.id)
       limit 1) e on true
   where m.user_id > verify_manual_entries.after_user_id
     and m.user_id <= verify_manual_entries.upto_user_id
     -- Of what was erased, the row in erasures takes the place of this hash.
     and (e.is_erased is not true and m.hash is distinct from
            ledger.manual_entry_hash(e.entry, m.id, m.entered_at, m.entered_by)
       or exists (select from public.manual_entries d
                   where d.user_id = m.user_id and d.seq = m.seq and d.id <> m.id))
  union all
  select row('manual_entry_invalid', h.user_id, null,
           format('Nothing says who entered row %s.', h.id))::ledger.finding
    from public.payment_history h
   where h.seq is null and h.user_id > verify_manual_entries.after_user_id
     and h.user_id <= verify_manual_entries.upto_user_id
     and not exists (select from public.manual_entries m
                      where m.user_id = h.user_id and m.id = h.id and m.seq is null)
$$;

comment on function ledger.verify_manual_entries is
  'The findings about the manual entries of a range of users: those that are not pending, posted or withdrawn as they were entered, and pending rows that nobody has entered. Internal.';

revoke all on function ledger.verify_manual_entries from public;
