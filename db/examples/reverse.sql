-- Taking an entry back. Nothing is deleted: another entry undoes it.
-- Its users are its own, and all of it is undone at the end, so it can be tried anywhere.

\set ON_ERROR_ROLLBACK on
begin;
select id as alice from create_user() \gset
select seq, balance from credit_user(:alice, 100);
select seq, balance from debit_user(:alice, 30);

select seq, action, amount, balance
  from reverse_entry(user_id => :alice, seq => 2, metadata => '{"reason": "returned"}');

-- Both entries say so.
select seq, action, amount, balance, reverses, reversed_by
  from entries where user_id = :alice order by seq;

-- No more than it was.
select * from reverse_entry(:alice, 2);
\echo :LAST_ERROR_SQLSTATE
select * from reverse_entry(:alice, 9);
\echo :LAST_ERROR_SQLSTATE

-- A credit that was spent doesn't go back.
select seq, balance from debit_user(:alice, 60);
select * from reverse_entry(:alice, 1);
\echo :LAST_ERROR_SQLSTATE

-- A reversal can be reversed, too.
select seq, action, amount, balance from reverse_entry(:alice, 3);

-- In parts: several reversals take back no more than the entry was.
select seq, balance from credit_user(:alice, 100);
select seq, amount, balance from reverse_entry(:alice, 6, amount => 40);
select seq, amount, reversed_by, reversed from entries where user_id = :alice and seq = 6;
select seq, amount, balance from reverse_entry(:alice, 6);

rollback;
