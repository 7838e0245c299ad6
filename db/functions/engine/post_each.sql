create or replace function ledger.post_each(
  accounts ledger.account[], ids bigint[], first integer, last integer, operations text[],
  user_ids bigint[], amounts numeric[], peer_user_ids bigint[], refs bigint[], expiries numeric[],
  keys text[], metadatas jsonb[], readers text[], has_repeated_keys boolean,
  has_readers boolean, out outcomes ledger.outcome[])
  language plpgsql volatile as $$
declare
  v_read_at timestamptz := clock_timestamp(); v_peer_seq bigint; c public.hold_changes;
  -- What this call has decided and not written yet, and all to whom it may belong.
  v_new ledger.entry[] := '{}'; v_changes public.hold_changes[] := '{}'; v_users bigint[] := '{}';
  v_operation text; v_peer_id bigint; v_a integer; v_p integer; v_key text; v_at timestamptz;
  a ledger.account; p ledger.account; t ledger.target; d ledger.decision; e ledger.entry;
begin
  for i in first .. last loop -- mutation: order
    v_operation := operations[i]; v_key := keys[i]; v_a := width_bucket(user_ids[i], ids);
    a := ledger.account_at(accounts[v_a], user_ids[i]);
    if has_readers then
      -- What this call has posted so far counts, too.
      if a.user_id = any (v_users)
        and (has_repeated_keys or v_operation = any (readers)) then -- mutation: flush
        perform ledger.write_changes(v_changes), ledger.insert_entries(v_new);
        v_changes := '{}'; v_new := '{}'; v_users := '{}';
      end if;
      t := ledger.target_of(v_operation, a.user_id, refs[i], amounts[i], expiries[i]);
    end if;
    v_peer_id := coalesce(peer_user_ids[i], t.peer_user_id);
    if v_operation = 'TRANSFER' or num_nonnulls(v_peer_id, p.user_id, p.problem) > 0 then
      v_p := width_bucket(v_peer_id, ids);
      p := ledger.peer_at(accounts[v_p], v_peer_id, v_operation);
    end if;
    if v_operation in ('CREDIT', 'DEBIT', 'TRANSFER') and v_key is null then
      d := ledger.plain_decision(v_operation, amounts[i], metadatas[i], a.user_id, a.problem,
        a.balance, a.held, a.is_frozen, p.user_id, p.problem, p.balance, p.held);
    else
      d := ledger.decide(v_operation, amounts[i], expiries[i], v_key, metadatas[i], t, a, p);
      if d.problem is null and not d.replayed and (d.hold is not null or v_operation = 'HOLD') then
        a.held := d.held;
        c := ledger.change_of_hold(v_operation, a, t, d.amount, expiries[i], v_key, metadatas[i]);
        v_changes := array_append(v_changes, c);
        a := ledger.account_after(a, c); accounts[v_a] := a;
      end if;
    end if;
    if d.problem is null and d.action is not null then
      v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at)); v_peer_seq := p.seq + 1;
      loop -- Twice for a transfer.
        e := ledger.next_entry(a.hash, a.user_id, a.seq + 1, d.action, d.amount,
          a.balance + d.change, v_at, v_key, metadatas[i], d.held, d.hold, d.reverses, v_peer_id,
          v_peer_seq);
        v_new := array_append(v_new, e);
        accounts[v_a] := row(a.user_id, null, e.seq, e.balance, a.held, v_at, e.hash,
          a.hold_changes, a.next_expiry, v_at, a.is_frozen)::ledger.account;
        outcomes := array_append(outcomes, ledger.entry_outcome(i, e.user_id, e.seq, e.action,
          e.amount, e.balance, e.held, v_at, e.metadata, e.hold, e.reverses, e.peer_user_id,
          e.peer_seq, e.hash, a.hold_changes, a.next_expiry, v_read_at));
        exit when p.user_id is null or v_a = v_p;
        if has_readers then v_users := array_append(v_users, a.user_id); end if;
        d.action := ledger.opposite_of(d.action); d.change := -d.change; d.held := p.held;
        d.reverses := t.peer_reverses; v_peer_id := a.user_id; v_peer_seq := e.seq; v_key := null;
        a := p; v_a := v_p; -- mutation: peer
      end loop;
    else
      outcomes := array_append(outcomes, ledger.outcome_of(i, d, a, a.user_id, c, v_read_at));
      if p.user_id is not null or p.problem is not null then
        outcomes := array_append(outcomes, ledger.outcome_of(i, d, p, a.user_id, null, v_read_at));
      end if;
    end if;
    if has_readers then v_users := array_append(v_users, a.user_id); c := null; end if;
  end loop;
  perform ledger.write_all(v_changes, v_new, accounts);
end $$;

comment on function ledger.post_each is
  'Does the operations of post from first to last one after the other, and writes once at the end what they have made: finds the accounts of each, decides, makes the change of a hold and entries, and answers. accounts: all that are locked, with their users in ids. readers: operations that read what stands in the tables of their user, and so need that written; has_readers: there are such, or repeated keys. Returns what post answers.';

revoke all on function ledger.post_each from public;
