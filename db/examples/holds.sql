-- Setting money aside, to be taken or given back later.

select id from create_user(7);
select seq, balance, available from credit_user(7, 100);

-- A hold lowers what is available, not the balance.
select hold, amount, status, available from place_hold(7, 60);
select balance, available from recalculate_balance(7);
select * from debit_user(7, 40.01);
\echo :LAST_ERROR_SQLSTATE

-- Captured, all of it or a part, which releases the rest.
select seq, action, amount, balance, available from capture_hold(7, 1, 45);
select * from capture_hold(7, 1);
\echo :LAST_ERROR_SQLSTATE
select * from capture_hold(7, 9);
\echo :LAST_ERROR_SQLSTATE

-- Or released.
select hold, available from place_hold(7, 20, idempotency_key => 'order-1');
select balance, available, seq from release_hold(7, 2);

-- Or over after some seconds, without anybody having to do anything.
select hold, status, available, expires_at > now() as expires
  from place_hold(user_id => 7, amount => 20, expires_in => 3600);
select hold, amount, status from holds where user_id = 7 and status = 'active';

-- A manual DEBIT may take what was held; the capture is refused then.
insert into payment_history (user_id, action, amount) values (7, 'DEBIT', 50);
select balance, available from recalculate_balance(7);
select * from capture_hold(7, 3);
\echo :LAST_ERROR_SQLSTATE

select hold, amount, status from holds where user_id = 7 order by hold;
select seq, action, amount, balance, available, hold from entries where user_id = 7 order by seq;
