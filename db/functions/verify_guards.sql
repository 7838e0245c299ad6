create or replace function verify_guards()
  returns setof ledger_finding
  language sql stable security definer set search_path = public, pg_temp as $$
  -- What there has to be: the first 16 digits of the sha256 of each definition of get_guards.
  with expected (object, hash) as (values
    ('constraint holds_amount_check on holds', '7761b5ac5e9dad4e'),
    ('constraint holds_check on holds', '52c93ea04d96464f'),
    ('constraint holds_hold_check on holds', '4146bdbd0a0f45b3'),
    ('constraint holds_note_check on holds', '13b7c796e9249c28'),
    ('constraint holds_pkey on holds', 'b0d4a70deac188be'),
    ('constraint holds_status_check on holds', '4fa7dc43e701946e'),
    ('constraint holds_user_id_fkey on holds', 'f33d67cc5d5de4ab'),
    ('constraint interventions_check on interventions', '8d0f603688a07d41'),
    ('constraint interventions_operation_check on interventions', '34e464bc027ff089'),
    ('constraint interventions_pkey on interventions', '0b061cb60c8123a7'),
    ('constraint payment_history_action_check on payment_history', 'fa11f3fd5dcc9081'),
    ('constraint payment_history_amount_check on payment_history', '7761b5ac5e9dad4e'),
    ('constraint payment_history_idempotency_key_check on payment_history', 'b06324fea82a0caa'),
    ('constraint payment_history_metadata_check on payment_history', 'c09ca4882e0d3b99'),
    ('constraint payment_history_peer_check on payment_history', '4986d5730510e494'),
    ('constraint payment_history_pkey on payment_history', '5c745ef35e4bcaea'),
    ('constraint payment_history_sealed_check on payment_history', 'dd9bc0dcdec6cb23'),
    ('constraint payment_history_seq_check on payment_history', '6b6a794b3fb7d4b5'),
    ('constraint payment_history_ts_check on payment_history', '8ca0cd5c06e9eaed'),
    ('constraint payment_history_user_id_fkey on payment_history', 'f33d67cc5d5de4ab'),
    ('constraint payment_history_user_id_seq_key on payment_history', 'be4ce7425d4183e6'),
    ('constraint users_id_check on users', 'd664459336aa83b9'),
    ('constraint users_pkey on users', '0b061cb60c8123a7'),
    ('function break_glass', 'ec244591c8ca14ba'),
    ('function entry_hash', '3a92c4698d08d982'),
    ('function guard_history', '22e01d2186250d21'),
    ('function hold_hash', '15240160e99b447d'),
    ('index holds_user_id_idempotency_key_key on holds', '3286e6a923f0df0f'),
    ('index holds_user_id_release_key_key on holds', 'bc3d2baf054dc03c'),
    ('index payment_history_user_id_hold_key on payment_history', 'cfefe428a90fdce6'),
    ('index payment_history_user_id_idempotency_key_key on payment_history', '9dd88bd9241f53ca'),
    ('index payment_history_user_id_reverses_key on payment_history', '8c739e04c1f32703'),
    ('table holds', 'b0d888d677dd5c0a'),
    ('table interventions', '3df6167a4b8bf679'),
    ('table payment_history', '0f2e4e12c64a5ea5'),
    ('table users', '291a4634f234f873'),
    ('trigger guard_row on interventions', '84ed41d01c0ac199'),
    ('trigger guard_row on payment_history', 'cf98caf543c58ac2'),
    ('trigger guard_truncate on interventions', 'd18c01df698a71ec'),
    ('trigger guard_truncate on payment_history', 'fa39c8ed22d0f352')
  )
  select row('guard_missing', null, null, format('The %s is %s.', coalesce(e.object, g.object),
           case when g.object is null then 'missing' when e.object is null then 'not ours'
             else 'disabled or another' end))::ledger_finding
    from expected e
    full join get_guards() g on g.object = e.object
   where (e.hash is distinct from left(encode(sha256(convert_to(g.definition, 'UTF8')), 'hex'), 16))
     -- Others may have indexes and checks of their own; what runs at a change must be ours.
     and (e.object is not null or g.object like 'trigger %')
  union all
  select row('intervention', i.user_id, i.seq, format('%s by %s at %s: %s', i.operation, i.role,
           i.at, coalesce(i.reason, i.before::text)))::ledger_finding
    from interventions i
$$;

comment on function verify_guards is
  'The findings that belong to the ledger as a whole: a guard (table, constraint, unique index, trigger or function of get_guards) that is missing, disabled or another than the migrations made, a trigger of somebody else''s, and everything that was done with break_glass, for ever.';

revoke all on function verify_guards from public;
grant execute on function verify_guards to ledger_dba;
