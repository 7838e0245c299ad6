-- Taking an entry back. Nothing is deleted: another entry undoes it.

select id from create_user(7);
select seq, balance from credit_user(7, 100);
select seq, balance from debit_user(7, 30);

select seq, action, amount, balance
  from reverse_entry(user_id => 7, seq => 2, metadata => '{"reason": "returned"}');

-- Both entries say so.
select seq, action, amount, balance, reverses, reversed_by
  from entries where user_id = 7 order by seq;

-- At most once.
select * from reverse_entry(7, 2);
\echo :LAST_ERROR_SQLSTATE
select * from reverse_entry(7, 9);
\echo :LAST_ERROR_SQLSTATE

-- A credit that was spent doesn't go back.
select seq, balance from debit_user(7, 60);
select * from reverse_entry(7, 1);
\echo :LAST_ERROR_SQLSTATE

-- A reversal can be reversed, too.
select seq, action, amount, balance from reverse_entry(7, 3);
