-- Entries made by hand: insert what happened, and say no more than that.
-- With users of its own, and undone at the end: it can be tried anywhere, and leaves nothing behind.

\set ON_ERROR_ROLLBACK on
begin;
select id as alice from create_user() \gset
insert into payment_history (user_id, action, amount) values (:alice, 'CREDIT', 100), (:alice, 'DEBIT', 20);
insert into payment_history (user_id, action, amount, ts, metadata)
  values (:alice, 'CREDIT', 5.25, '2026-01-31 23:59:59 UTC', '{"source": "bank statement"}');

-- They are pending, and not part of the balance yet.
select seq, action, amount, balance from payment_history where user_id = :alice order by id;
select balance from users where id = :alice;

-- The next debit or credit posts them, and so does a recalculation.
select balance, available, seq from recalculate_balance(:alice);
select seq, action, amount, balance from payment_history where user_id = :alice order by seq;

-- Only an action, an amount, a time and metadata can be given, and history can't be changed.
insert into payment_history (user_id, action, amount, seq) values (:alice, 'CREDIT', 1, 4);
\echo :LAST_ERROR_SQLSTATE
update payment_history set amount = 1000 where user_id = :alice;
\echo :LAST_ERROR_SQLSTATE
insert into payment_history (user_id, action, amount) values (:alice, 'CREDIT', 'NaN');
\echo :LAST_ERROR_SQLSTATE
-- Nothing is rounded.
insert into payment_history (user_id, action, amount) values (:alice, 'CREDIT', 5.005);
\echo :LAST_ERROR_SQLSTATE

-- One that is wrong can be taken back until it is posted.
insert into payment_history (user_id, action, amount) values (:alice, 'DEBIT', 525);
select action, amount, entered_by is not null as is_known from pending_entries where user_id = :alice;
select w.action, w.amount
  from pending_entries p, withdraw_entry(p.user_id, p.id, 'meant 5.25') w where p.user_id = :alice;
select operation, reason, before ->> 'amount' as amount from interventions where user_id = :alice;

-- What was posted and is wrong is put right by another entry.
insert into payment_history (user_id, action, amount, metadata)
  values (:alice, 'DEBIT', 5.25, '{"corrects": 3}');
select balance, available, seq from recalculate_balance(:alice);

rollback;
