-- Taking money from a user, and what can go wrong.
-- Its users are its own, and all of it is undone at the end, so it can be tried anywhere.

\set ON_ERROR_ROLLBACK on
begin;
select id as alice from create_user() \gset
select seq, action, amount, balance, available, ts, replayed
  from credit_user(:alice, 1000);
select seq, action, amount, balance, available, ts, replayed
  from debit_user(:alice, 100);

-- With a key it happens once: a repeat answers the first entry again.
select seq, amount, balance, replayed from debit_user(:alice, 250.50, 'order-1');
select seq, amount, balance, replayed from debit_user(:alice, 250.50, 'order-1');

-- Arguments can be given by name; metadata is kept with the entry.
select seq, amount, balance
  from debit_user(user_id => :alice, amount => 9.50, metadata => '{"invoice": 4711}');

-- Whatever is refused writes nothing. Each reason has a SQLSTATE.
select * from debit_user(:alice, 640.01);
\echo :LAST_ERROR_SQLSTATE
select * from debit_user(:alice, 0.001);
\echo :LAST_ERROR_SQLSTATE
select * from debit_user(:alice, 1, 'order-1');
\echo :LAST_ERROR_SQLSTATE
select * from debit_user(0, 1);
\echo :LAST_ERROR_SQLSTATE

-- In a transaction of your own, as this is one, it happens when you commit.
savepoint before;
select seq, balance from debit_user(:alice, 640);
rollback to before;

select seq, action, amount, balance, idempotency_key, metadata
  from payment_history where user_id = :alice order by seq;
select balance from users where id = :alice;

rollback;
