-- Taking money from a user, and what can go wrong.

select id from create_user(7);
select * from credit_user(7, 1000);
select * from debit_user(7, 100);

-- With a key it happens once: a repeat answers the first entry again.
select seq, amount, balance, replayed from debit_user(7, 250.50, 'order-1');
select seq, amount, balance, replayed from debit_user(7, 250.50, 'order-1');

-- Arguments can be given by name; metadata is kept with the entry.
select seq, amount, balance
  from debit_user(user_id => 7, amount => 9.50, metadata => '{"invoice": 4711}');

-- Whatever is refused writes nothing. Each reason has a SQLSTATE.
select * from debit_user(7, 640.01);
\echo :LAST_ERROR_SQLSTATE
select * from debit_user(7, 0.001);
\echo :LAST_ERROR_SQLSTATE
select * from debit_user(7, 1, 'order-1');
\echo :LAST_ERROR_SQLSTATE
select * from debit_user(8, 1);
\echo :LAST_ERROR_SQLSTATE

-- In a transaction of your own it happens when you commit.
begin;
select seq, balance from debit_user(7, 640);
rollback;

select seq, action, amount, balance, idempotency_key, metadata
  from payment_history where user_id = 7 order by seq;
select id, balance from users where id = 7;
