-- Many debits in one call: each item has its own status, and a refused one stops no other.
-- Its users are its own, and all of it is undone at the end, so it can be tried anywhere.

\set ON_ERROR_ROLLBACK on
begin;
select id as alice from create_user() \gset
select id as bob from create_user() \gset
select seq, balance from credit_user(:alice, 100);
select seq, balance from credit_user(:bob, 50);

select user_id = :alice as alice, seq, amount, balance, replayed, status
  from debit_users(
    user_ids => array[:alice, :bob, :alice, 0],
    amounts => array[60, 12.50, 60, 1],
    idempotency_keys => array['fee-alice', 'fee-bob', null, null]);

-- A repeat with the same keys answers the first entries again: nobody pays twice.
select user_id = :alice as alice, seq, amount, balance, replayed, status
  from debit_users(
    user_ids => array[:alice, :bob],
    amounts => array[60, 12.50],
    idempotency_keys => array['fee-alice', 'fee-bob']);

-- A fee of two percent for everybody who has more than 30, in one statement.
select d.user_id = :alice as alice, d.amount, d.balance, d.status
  from (select array_agg(u.id order by u.id) as user_ids,
               array_agg(round(u.balance * 0.02, 2) order by u.id) as amounts
          from users u where u.id in (:alice, :bob) and u.balance > 30) fee,
       debit_users(fee.user_ids, fee.amounts) d;

select id = :alice as alice, balance from users where id in (:alice, :bob) order by id;

rollback;
