create or replace function ledger.outcome_of(
  n integer, decision ledger.decision, account ledger.account, first_user_id bigint,
  hold_change public.hold_changes, read_at timestamptz)
  returns ledger.outcome
  language plpgsql volatile as $$
declare
  v ledger.outcome;
  c public.hold_changes := case when decision.problem is null then outcome_of.hold_change end;
  v_is_peer boolean := account.user_id is distinct from outcome_of.first_user_id;
  v_seq bigint := decision.earlier_seq;
  v_held numeric := case when v_is_peer then account.held else decision.held end;
begin
  v.n := outcome_of.n;
  v.status := coalesce(decision.problem, 'ok');
  v.replayed := decision.replayed;
  v.user_id := account.user_id;
  if decision.replayed and v_seq is not null then
    if v_is_peer then
      select f.peer_seq into v_seq from public.payment_history f
       where f.user_id = outcome_of.first_user_id and f.seq = v_seq;
    end if;
    select e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, e.sealed_at,
           e.metadata::text, e.hold, e.reverses, e.peer_user_id, e.peer_seq, encode(e.hash, 'hex')
      into v.seq, v.action, v.amount, v.balance, v.available, v.ts, v.posted_at, v.metadata,
           v.hold, v.reverses, v.peer_user_id, v.peer_seq, v.hash
      from public.payment_history e where e.user_id = account.user_id and e.seq = v_seq;
  elsif decision.replayed and not v_is_peer then
    select x.* into c from public.hold_changes x
     where x.user_id = account.user_id and x.hold = decision.hold
       and x.number = decision.earlier_number;
  elsif decision.problem = 'LGFND' and v_is_peer = (decision.change > 0) then
    v.balance := account.balance;
    -- What the hold reserves is available for its capture.
    v.available := account.balance - v_held;
    v.required := decision.amount;
    v.shortfall := v.required - v.available;
  end if;
  if c.hold is not null then
    v.hold := c.hold; v.amount := c.amount; v.expires_at := nullif(c.expires_at, 'infinity');
    v.available := c.available;
    v.hold_status := 'active';
    if c.action = 'released' then
      v.hold_status := 'released'; v.seq := c.seq; v.balance := c.balance; v.posted_at := c.at;
    end if;
  end if;
  if account.seq is not null and account.problem is distinct from 'LGUSR' then
    v.user_seq := account.seq; v.user_balance := account.balance;
    v.user_available := account.balance - account.held;
    v.updated_at := greatest(account.posted_at, account.updated_at);
    v.version := account.seq + account.hold_changes;
    v.read_at := outcome_of.read_at;
    v.expires_in_ms := floor(extract(epoch from account.next_expiry - outcome_of.read_at) * 1000);
  end if;
  return v;
end $$;

comment on function ledger.outcome_of is
  'What post answers of an operation that made no entry, for one of its users: refused (with what is missing), replayed, a hold placed, extended or released (hold_change), or only what was pending posted. With the user as it is now, at read_at by the clock of the database.';

revoke all on function ledger.outcome_of from public;
