-- Reading what happened, and what a balance was.
-- With users of its own, and undone at the end: it can be tried anywhere, and leaves nothing behind.

\set ON_ERROR_ROLLBACK on
begin;
select id as alice from create_user() \gset
select seq, balance from credit_user(:alice, 100);
select seq, balance from debit_user(:alice, 30, 'order-1');
select seq, balance from debit_user(:alice, 20);

-- Newest first, in pages: the next one is what lies before the last seq shown.
select seq, action, amount, balance, ts, idempotency_key
  from entries where user_id = :alice order by seq desc limit 2;
select seq, action, amount, balance, ts, idempotency_key
  from entries where user_id = :alice and seq < 2 order by seq desc limit 2;

-- Oldest first, between two numbers.
select seq, action, amount, balance
  from entries where user_id = :alice and seq > 1 and seq <= 3 order by seq;

-- The balance at a moment.
select balance_at(:alice, sealed_at) from entries where user_id = :alice and seq = 2;
select balance_at(:alice, '2000-01-01');

-- A manual entry counts from when it is posted, whatever its ts says.
insert into payment_history (user_id, action, amount, ts) values (:alice, 'CREDIT', 5, '2000-01-01');
select balance from recalculate_balance(:alice);
select balance_at(:alice, '2001-01-01') as then, balance_at(:alice, clock_timestamp()) as now;

-- A moment that has not come yet has no balance.
select balance_at(:alice, '2999-01-01');
\echo :LAST_ERROR_SQLSTATE

rollback;
