-- Setting money aside, to be taken or given back later.
-- With users of its own, and undone at the end: it can be tried anywhere, and leaves nothing behind.

\set ON_ERROR_ROLLBACK on
begin;
select id as alice from create_user() \gset
select seq, balance, available from credit_user(:alice, 100);

-- A hold lowers what is available, not the balance.
select hold, amount, status, available from place_hold(:alice, 60);
select balance, available from recalculate_balance(:alice);
select * from debit_user(:alice, 40.01);
\echo :LAST_ERROR_SQLSTATE

-- Captured, all of it or a part, which releases the rest.
select seq, action, amount, balance, available from capture_hold(:alice, 1, 45);
select * from capture_hold(:alice, 1);
\echo :LAST_ERROR_SQLSTATE
select * from capture_hold(:alice, 9);
\echo :LAST_ERROR_SQLSTATE

-- In parts, while the rest stays held; the last one gives back what is left.
select hold, available from place_hold(:alice, 30, expires_in => 3600);
select seq, amount, available from capture_hold(:alice, 2, 10, final => false);
select hold, amount, captured, remaining, status from holds where user_id = :alice and hold = 2;
select hold, status from extend_hold(:alice, 2, expires_in => 7200);
select seq, amount, available from capture_hold(:alice, 2, 15);
select number, action, amount, remaining from hold_changes
 where user_id = :alice and hold = 2 order by number;

-- Or released.
select hold, available from place_hold(:alice, 20, idempotency_key => 'order-1');
select balance, available, seq from release_hold(:alice, 3);

-- Or over after some seconds, without anybody having to do anything.
select hold, status, available, expires_at > now() as expires
  from place_hold(user_id => :alice, amount => 20, expires_in => 3600);
select hold, amount, status from holds where user_id = :alice and status = 'active';

-- A manual DEBIT may take what was held; the capture is refused then.
insert into payment_history (user_id, action, amount) values (:alice, 'DEBIT', 25);
select balance, available from recalculate_balance(:alice);
select * from capture_hold(:alice, 4);
\echo :LAST_ERROR_SQLSTATE

select hold, amount, status from holds where user_id = :alice order by hold;
select seq, action, amount, balance, available, hold from entries where user_id = :alice order by seq;

rollback;
