create or replace function ledger.post(
  operations text[], user_ids bigint[], amounts numeric[], peer_user_ids bigint[] default null,
  refs bigint[] default null, expires_ins numeric[] default null,
  idempotency_keys text[] default null, metadatas jsonb[] default null,
  wait boolean default false, max_pending integer default 1000)
  returns setof ledger.outcome
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  -- No sequential scans: after a bulk load the statistics are wrong until the next analyze, and
  -- every debit would read the whole table.
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning the statements anew in each call took two thirds of its time.
  set plan_cache_mode = force_generic_plan as $$
declare
  v_accounts ledger.account[] := ledger.lock_accounts(ledger.users_of(post.operations,
    post.user_ids, post.peer_user_ids, post.refs), post.wait, post.max_pending);
  v_ids bigint[] := array(select x.user_id from unnest(v_accounts) x);
  v_has_repeated_keys boolean := post.idempotency_keys is not null
    and ledger.has_repeated_keys(post.user_ids, post.idempotency_keys);
  -- Operations that read what stands in the tables of their user.
  v_readers text[] := '{HOLD,CAPTURE,CAPTURE PART,RELEASE,EXTEND,REVERSE}';
  v_has_readers boolean := v_has_repeated_keys or post.operations && v_readers;
  v_read_at timestamptz := clock_timestamp();
  -- What this call has decided and not written yet, and to whom it belongs.
  v_new ledger.entry[] := '{}';
  v_changes public.hold_changes[] := '{}';
  v_unwritten bigint[] := '{}';
  v_operation text;
  v_peer_id bigint;
  v_a integer;
  v_p integer;
  v_at timestamptz;
  a ledger.account;
  p ledger.account;
  t ledger.target;
  d ledger.decision;
  e ledger.entry;
  c public.hold_changes;
begin
  for i in 1 .. cardinality(post.operations) loop -- mutation: order
    v_operation := post.operations[i];
    v_peer_id := post.peer_user_ids[i];
    v_a := width_bucket(post.user_ids[i], v_ids);
    a := ledger.account_at(v_accounts[v_a], post.user_ids[i]);
    if v_has_readers then
      -- What this call has posted so far counts, too.
      if a.user_id = any (v_unwritten)
        and (v_has_repeated_keys or v_operation = any (v_readers)) then -- mutation: flush
        perform ledger.write_changes(v_changes), ledger.insert_entries(v_new);
        v_changes := '{}'; v_new := '{}'; v_unwritten := '{}';
      end if;
      t := case when v_operation = any (v_readers) and v_operation <> 'HOLD'
        then ledger.load_target(v_operation, a.user_id, post.refs[i], post.amounts[i],
          post.expires_ins[i]) end;
      v_peer_id := coalesce(v_peer_id, t.peer_user_id);
    end if;
    if v_peer_id is not null or v_operation = 'TRANSFER' then
      v_p := width_bucket(v_peer_id, v_ids);
      p := ledger.account_at(v_accounts[v_p], v_peer_id);
    elsif p.user_id is not null or p.problem is not null then
      p := null;
    end if;
    if v_operation in ('CREDIT', 'DEBIT', 'TRANSFER') and post.idempotency_keys[i] is null then
      d := ledger.plain_decision(v_operation, post.amounts[i], post.metadatas[i], a.user_id,
        a.problem, a.balance, a.held, a.is_frozen, p.user_id, p.problem, p.balance, p.held);
    else
      d := ledger.decide(v_operation, post.amounts[i], post.expires_ins[i],
        post.idempotency_keys[i], post.metadatas[i], t, a, p);
      c := null;
      if d.problem is null and not d.replayed and (d.hold is not null or v_operation = 'HOLD') then
        a.held := d.held;
        c := ledger.change_of_hold(v_operation, a, t, d.amount, post.expires_ins[i],
          post.idempotency_keys[i], post.metadatas[i]);
        v_changes := array_append(v_changes, c);
        a.hold_changes := a.hold_changes + 1;
        -- Otherwise its entry does the same, below.
        if d.action is null then
          a := ledger.account_after(a, c);
          v_accounts[v_a] := a;
          v_unwritten := array_append(v_unwritten, a.user_id);
        end if;
      end if;
    end if;
    if d.problem is null and d.action is not null then
      -- Before the call, which PostgreSQL replaces by its body only if no argument is volatile.
      v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at));
      e := ledger.next_entry(a.hash, a.user_id, a.seq + 1, d.action, d.amount,
        a.balance + d.change, v_at, post.idempotency_keys[i], post.metadatas[i],
        d.held, d.hold, d.reverses, p.user_id, p.seq + 1);
      v_new := array_append(v_new, e);
      if v_has_readers then v_unwritten := v_unwritten || array[a.user_id, p.user_id]; end if;
      -- At once: to set its fields one by one costs five times as much.
      v_accounts[v_a] := row(a.user_id, null, e.seq, e.balance, a.held, v_at, e.hash,
        a.hold_changes, a.next_expiry, v_at, a.is_frozen)::ledger.account;
      return next ledger.entry_outcome(i, e.user_id, e.seq, e.action, e.amount, e.balance, e.held,
        e.posted_at, e.metadata, e.hold, e.reverses, e.peer_user_id, e.peer_seq, e.hash,
        a.hold_changes, a.next_expiry, v_read_at);
      if p.user_id is not null then
        e := ledger.next_entry(p.hash, p.user_id, p.seq + 1, ledger.opposite_of(d.action), d.amount,
          p.balance - d.change, v_at, null, post.metadatas[i], p.held, null,
          t.peer_reverses, e.user_id, e.seq);
        v_new := array_append(v_new, e);
        v_accounts[v_p] := -- mutation: peer
          row(p.user_id, null, e.seq, e.balance, p.held, v_at, e.hash, p.hold_changes,
            p.next_expiry, v_at, p.is_frozen)::ledger.account;
        return next ledger.entry_outcome(i, e.user_id, e.seq, e.action, e.amount, e.balance, e.held,
          e.posted_at, e.metadata, e.hold, e.reverses, e.peer_user_id, e.peer_seq, e.hash,
          p.hold_changes, p.next_expiry, v_read_at);
      end if;
    else
      return next ledger.outcome_of(i, d, a, a.user_id, c, v_read_at);
      if p.user_id is not null or p.problem is not null then
        return next ledger.outcome_of(i, d, p, a.user_id, null, v_read_at);
      end if;
    end if;
  end loop;
  if ledger.is_distributed() then perform ledger.write_each(v_changes, v_new, v_accounts);
  else perform ledger.write_changes(v_changes), ledger.insert_entries(v_new);
    perform ledger.copy_accounts(v_accounts);
  end if;
end $$;

comment on function ledger.post is
  'What every way into the ledger does, for up to some thousand operations at once, in order: DEBIT, CREDIT, TRANSFER (to peer_user_ids), HOLD, CAPTURE, CAPTURE PART (what isn''t captured stays held), RELEASE and EXTEND (refs: the hold), REVERSE (refs: the seq), or null: only posts what is pending. Locks everybody they touch, posts at most max_pending pending entries of each (null: all), and answers a row for each operation and each of its users, in order, with status ok or the SQLSTATE that the function for people would have raised; a refused one changes nothing and stops no other. See the type ledger.outcome. 55P03: somebody else holds a user (without wait), or pending entries are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function ledger.post from public;
grant execute on function ledger.post to ledger_service, ledger_dba;
