create or replace function entry_items(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[], metadatas jsonb[],
  user_statuses jsonb, at timestamptz)
  returns table (n bigint, user_id bigint, action text, amount numeric, change numeric, key text,
    metadata jsonb, problem text, is_first boolean, is_repeated boolean, seq bigint,
    balance numeric, held numeric, sealed_at timestamptz, hash bytea, updated_at timestamptz,
    hold_changes bigint, expires_in_ms bigint, found payment_history, is_hold boolean)
  language sql stable as $$
  select i.n, i.user_id, i.action, i.amount,
         case i.action when 'CREDIT' then i.amount else -i.amount end, i.key, i.metadata,
         case when i.action is not null and i.amount is null then 'LGAMT'
           when not is_valid_note(i.key, i.metadata) then '22023'
           else nullif(coalesce(entry_items.user_statuses ->> i.user_id::text, 'LGUSR'), 'ok') end,
         i.is_first, i.is_repeated, s.seq, s.balance, s.held, s.sealed_at, s.hash, s.updated_at,
         s.hold_changes, s.expires_in_ms, f.found, f.is_hold
    from (
      -- With two decimals, as the column has them: the hash tells 1 from 1.00.
      select i.n, i.user_id, i.action, case when is_valid_entry(coalesce(i.action, 'DEBIT'), i.amount)
               then i.amount::numeric(12, 2) end as amount, i.key, i.metadata,
             row_number() over (partition by i.user_id order by i.n) = 1 as is_first,
             i.key is not null and count(*) over (partition by i.user_id, i.key) > 1 as is_repeated
        from unnest(entry_items.user_ids, entry_items.actions, entry_items.amounts,
               entry_items.idempotency_keys, entry_items.metadatas)
               with ordinality i (user_id, action, amount, key, metadata, n)) i
    -- Once for each user, however many items it has; a join would compare each with each.
    left join lateral user_states(
      case when i.is_first then array[i.user_id] end, entry_items.at) s on true
    left join lateral find_key(i.user_id, i.key) f on i.key is not null
   order by i.user_id, i.n
$$;

comment on function entry_items is
  'The items of post_entries by user and in order, each with what is wrong with it before anything is decided (LGAMT: no amount then; 22023; the code in user_statuses), whether its key comes twice, what the key was used for (see find_key) and, for the first item of each user, what user_states says. Internal.';

revoke all on function entry_items from public;
grant execute on function entry_items to ledger_dba;
