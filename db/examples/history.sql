-- Reading what happened, and what a balance was.

select id from create_user(7);
select seq, balance from credit_user(7, 100);
select seq, balance from debit_user(7, 30, 'order-1');
select seq, balance from debit_user(7, 20);

-- Newest first, in pages: the next one is what lies before the last seq shown.
select seq, action, amount, balance, ts, idempotency_key from get_history(7, max_rows => 2);
select seq, action, amount, balance, ts, idempotency_key from get_history(7, before => 2);

-- Oldest first, between two numbers.
select seq, action, amount, balance from get_statement(7, after => 1, upto => 3);

-- The balance at a moment.
select balance_at(7, sealed_at) from entries where user_id = 7 and seq = 2;
select balance_at(7, '2000-01-01');

-- An entry made by hand counts from when it is picked up, whatever its ts says.
insert into payment_history (user_id, action, amount, ts) values (7, 'CREDIT', 5, '2000-01-01');
select balance from recalculate_balance(7);
select balance_at(7, '2001-01-01') as then, balance_at(7, clock_timestamp()) as now;

-- Several moments, with the entry that each stands on.
select m.seq, m.balance, length(m.hash) as digits
  from get_moments(7, array['2000-01-01', null]::timestamptz[]) m;
