-- Many debits in one call: each item has its own status, and a refused one stops no other.

select id from create_user(7);
select id from create_user(8);
select seq, balance from credit_user(7, 100);
select seq, balance from credit_user(8, 50);

select user_id, seq, amount, balance, replayed, status
  from debit_users(
    user_ids => array[7, 8, 7, 9],
    amounts => array[60, 12.50, 60, 1],
    idempotency_keys => array['fee-7', 'fee-8', null, null]);

-- A repeat with the same keys answers the first entries again: nobody pays twice.
select user_id, seq, amount, balance, replayed, status
  from debit_users(
    user_ids => array[7, 8],
    amounts => array[60, 12.50],
    idempotency_keys => array['fee-7', 'fee-8']);

-- A fee of two percent for everybody who has more than 30, in one statement.
select d.user_id, d.amount, d.balance, d.status
  from (select array_agg(u.id order by u.id) as user_ids,
               array_agg(round(u.balance * 0.02, 2) order by u.id) as amounts
          from users u where u.balance > 30) fee,
       debit_users(fee.user_ids, fee.amounts) d;

select id, balance from users where id in (7, 8) order by id;
