create or replace function ledger.list_users(
  reference text default null, after bigint default 0, max_rows integer default 50,
  user_ids bigint[] default null)
  returns setof ledger.listed_user
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_ids bigint[];
  v_users ledger.user_snapshot[];
begin
  if list_users.reference is not null then
    select array_agg(r.user_id) into v_ids from public.user_references r
     where r.reference = list_users.reference and r.user_id > list_users.after
       and (list_users.user_ids is null or r.user_id = any (list_users.user_ids));
  elsif list_users.user_ids is not null then
    v_ids := array(select distinct i.id from unnest(list_users.user_ids) i (id)
                     join public.users u on u.id = i.id
                    where i.id > list_users.after order by i.id limit list_users.max_rows);
  else
    v_ids := array(select u.id from public.users u where u.id > list_users.after
                    order by u.id limit list_users.max_rows);
  end if;
  if ledger.is_distributed() then
    -- Citus joins neither a function that reads tables itself, nor one by one.
    v_users := array(select s from ledger.get_users(v_ids) s);
    return query
      select s.id, s.balance, s.available, s.seq, s.updated_at, d.reference, d.metadata,
             u.created_at
        from unnest(v_users) s
        join public.users u on u.id = s.id
        left join public.user_details d on d.user_id = u.id
       order by s.id;
    return;
  end if;
  return query
    select s.id, s.balance, s.available, s.seq, s.updated_at, d.reference, d.metadata, u.created_at
      from ledger.get_users(v_ids) s
      join public.users u on u.id = s.id
      -- One by one: a plan from when there were few may otherwise read all of them each time.
      left join lateral (
        select o.reference, o.metadata from public.user_details o where o.user_id = s.id
         offset 0) d on true
     order by s.id;
end $$;

comment on function ledger.list_users is
  'At most max_rows users with an id above after, in order of id, each with its snapshot and what it was made as; only the one with this reference (null: all), and only those among user_ids (null: all).';

revoke all on function ledger.list_users from public;
grant execute on function ledger.list_users to ledger_service, ledger_dba;
