create or replace function ledger.lock_each(
  user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile as $$
declare
  v_accounts ledger.account[] := '{}';
  v_id bigint;
  v ledger.account;
begin
  -- Citus can't plan all statements of post before it knows the user, as post asks for. Until the
  -- end of post.
  perform set_config('plan_cache_mode', 'auto', true);
  -- In id order, as lock_accounts does, and all before it looks at one.
  for v_id in select distinct i from unnest(lock_each.user_ids) i where i is not null order by i loop
    v := null;
    if lock_each.wait then
      select u.id, coalesce(-u.credit_limit, 0.00), u.hold_changes, u.updated_at,
             u.frozen_at is not null
        into v.user_id, v.held, v.hold_changes, v.updated_at, v.is_frozen
        from public.users u where u.id = v_id for no key update;
    else
      select u.id, coalesce(-u.credit_limit, 0.00), u.hold_changes, u.updated_at,
             u.frozen_at is not null
        into v.user_id, v.held, v.hold_changes, v.updated_at, v.is_frozen
        from public.users u where u.id = v_id for no key update skip locked;
    end if;
    if found then v_accounts := array_append(v_accounts, v); end if;
  end loop;
  for i in 1 .. cardinality(v_accounts) loop
    v := v_accounts[i];
    select h.seq, h.balance, h.sealed_at, h.hash into v.seq, v.balance, v.posted_at, v.hash
      from public.payment_history h where h.user_id = v.user_id order by h.seq desc limit 1;
    if v.seq is null or v.hold_changes > 0 then
      v := ledger.open_account(v, lock_each.max_pending);
    end if;
    v_accounts[i] := v;
  end loop;
  return v_accounts;
end $$;

comment on function ledger.lock_each is
  'What lock_accounts does, where users are on several servers: user by user, in statements of which each has one server.';

revoke all on function ledger.lock_each from public;
