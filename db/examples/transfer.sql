-- Moving money from one user to another: both entries or neither.
-- With users of its own, and undone at the end: it can be tried anywhere, and leaves nothing behind.

\set ON_ERROR_ROLLBACK on
begin;
select id as alice from create_user() \gset
select id as bob from create_user() \gset
select seq, balance from credit_user(:alice, 100);

select user_id = :alice as alice, seq, action, amount, balance from transfer(:alice, :bob, 30.50);

-- With a key it happens once. The key belongs to who pays.
select user_id = :alice as alice, seq, balance, replayed from transfer(:alice, :bob, 20, 'rent-11');
select user_id = :alice as alice, seq, balance, replayed from transfer(:alice, :bob, 20, 'rent-11');

-- Each entry names the other.
select user_id = :alice as alice, seq, action, amount, peer_user_id = :alice as peer_alice, peer_seq
  from entries where user_id in (:alice, :bob) and peer_user_id is not null order by user_id, seq;

-- What is refused changes neither.
select * from transfer(:alice, :bob, 49.51);
\echo :LAST_ERROR_SQLSTATE
select * from transfer(:alice, :alice, 1);
\echo :LAST_ERROR_SQLSTATE
select * from transfer(:alice, 0, 1);
\echo :LAST_ERROR_SQLSTATE
select * from transfer(:alice, :bob, 21, 'rent-11');
\echo :LAST_ERROR_SQLSTATE

-- Reversed, it goes back whole; see reverse.sql.
select user_id = :alice as alice, seq, action, amount, balance from reverse_entry(:alice, 3);
select id = :alice as alice, balance from users where id in (:alice, :bob) order by id;

rollback;
