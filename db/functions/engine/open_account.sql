create or replace function ledger.open_account(account ledger.account, max_pending integer)
  returns ledger.account
  language plpgsql volatile as $$
declare
  v ledger.account := open_account.account;
  -- As in held_now.
  v_now timestamptz;
begin
  if v.seq is null and v.problem is null then
    v.problem := nullif(ledger.post_pending(v.user_id, open_account.max_pending), 'ok');
    select h.seq, h.balance, h.sealed_at, h.hash into v.seq, v.balance, v.posted_at, v.hash
      from public.payment_history h where h.user_id = v.user_id and h.seq is not null
     order by h.seq desc limit 1;
    if not found then
      v.seq := 0;
      v.balance := 0.00;
    end if;
  end if;
  if v.hold_changes > 0 then
    v_now := clock_timestamp();
    select v.held + coalesce(sum(o.remaining), 0.00), min(nullif(o.expires_at, 'infinity'))
      into v.held, v.next_expiry
      from public.holds o where o.user_id = v.user_id and o.status = 'active'
       and o.expires_at > v_now;
  end if;
  return v;
end $$;

comment on function ledger.open_account is
  'What a locked user''s account needs where the last entry isn''t all: without a seq, there are pending entries or none; posts these, at most max_pending (null: all). Adds the active holds to held. problem: as it was, or 55P03 (entries are left) or LGRNG, as post_pending returns them.';

revoke all on function ledger.open_account from public;
