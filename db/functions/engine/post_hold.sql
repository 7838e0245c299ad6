create or replace function ledger.post_hold(
  operation text, user_id bigint, amount numeric, ref bigint, expires_in numeric,
  idempotency_key text, metadata jsonb, out change public.hold_changes, out replayed boolean)
  language plpgsql volatile as $$
declare
  a ledger.account := ledger.lock_account(post_hold.user_id);
  t ledger.target := ledger.load_target(post_hold.operation, post_hold.user_id, post_hold.ref,
    null, post_hold.expires_in);
  d ledger.decision := ledger.decide(post_hold.operation, post_hold.amount, post_hold.expires_in,
    post_hold.idempotency_key, post_hold.metadata, t, a, null);
begin
  if d.problem is not null then
    perform ledger.raise_status(d.problem, post_hold.user_id, post_hold.amount, a.balance - d.held);
  end if;
  replayed := d.replayed;
  if replayed then
    select c.* into change from public.hold_changes c
     where c.user_id = post_hold.user_id and c.hold = d.hold and c.number = d.earlier_number;
    perform ledger.copy_accounts(array[a]);
    return;
  end if;
  a.held := d.held;
  change := ledger.change_of_hold(post_hold.operation, a, t, d.amount, post_hold.expires_in,
    post_hold.idempotency_key, post_hold.metadata);
  perform ledger.write_change(change);
  update public.users u
     set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes + 1,
         updated_at = greatest(change.at, a.updated_at, a.posted_at)
   where u.id = a.user_id;
end $$;

comment on function ledger.post_hold is
  'One HOLD, RELEASE or EXTEND (ref: the hold) for people: waits for the user, posts all that is pending, and returns the change of the hold, also of a replay; raises what post returns as a status.';

revoke all on function ledger.post_hold from public;
