-- Entries made by hand: insert what happened, and say no more than that.

select id from create_user(7);
insert into payment_history (user_id, action, amount) values (7, 'CREDIT', 100), (7, 'DEBIT', 20);
insert into payment_history (user_id, action, amount, ts, metadata)
  values (7, 'CREDIT', 5.25, '2026-01-31 23:59:59 UTC', '{"source": "bank statement"}');

-- They are pending, and not part of the balance yet.
select seq, action, amount, balance from payment_history where user_id = 7 order by id;
select id, balance from users where id = 7;

-- The next debit or credit posts them, and so does a recalculation.
select id, balance, available, seq from recalculate_balance(7);
select seq, action, amount, balance from payment_history where user_id = 7 order by seq;

-- Only an action, an amount, a time and metadata can be given, and history can't be changed.
insert into payment_history (user_id, action, amount, seq) values (7, 'CREDIT', 1, 4);
\echo :LAST_ERROR_SQLSTATE
update payment_history set amount = 1000 where user_id = 7;
\echo :LAST_ERROR_SQLSTATE
insert into payment_history (user_id, action, amount) values (7, 'CREDIT', 'NaN');
\echo :LAST_ERROR_SQLSTATE
-- Nothing is rounded.
insert into payment_history (user_id, action, amount) values (7, 'CREDIT', 5.005);
\echo :LAST_ERROR_SQLSTATE

-- What was wrong is put right by another entry.
insert into payment_history (user_id, action, amount, metadata)
  values (7, 'DEBIT', 5.25, '{"corrects": 3}');
select id, balance, available, seq from recalculate_balance(7);
