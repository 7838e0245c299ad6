-- Moving money from one user to another: both entries or neither.

select id from create_user(7);
select id from create_user(8);
select seq, balance from credit_user(7, 100);

select user_id, seq, action, amount, balance from transfer(7, 8, 30.50);

-- With a key it happens once. The key belongs to who pays.
select user_id, seq, balance, replayed from transfer(7, 8, 20, 'rent-11');
select user_id, seq, balance, replayed from transfer(7, 8, 20, 'rent-11');

-- Each entry names the other.
select user_id, seq, action, amount, peer_user_id, peer_seq
  from entries where peer_user_id is not null order by user_id, seq;

-- What is refused changes neither.
select * from transfer(7, 8, 49.51);
\echo :LAST_ERROR_SQLSTATE
select * from transfer(7, 7, 1);
\echo :LAST_ERROR_SQLSTATE
select * from transfer(7, 9, 1);
\echo :LAST_ERROR_SQLSTATE
select * from transfer(7, 8, 21, 'rent-11');
\echo :LAST_ERROR_SQLSTATE

-- Reversed, it goes back whole; see reverse.sql.
select user_id, seq, action, amount, balance from reverse_entry(7, 3);
select id, balance from users where id in (7, 8) order by id;
