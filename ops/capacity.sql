-- What operations write, in bytes of WAL and of tables with their indexes, and what memory a
-- connection takes: for an empty ledger on a server of its own, as its owner.
--   psql "$DATABASE_URL" -X -f ops/capacity.sql
-- With "alter system set full_page_writes = off" and a long checkpoint_timeout, for the time of the
-- measurement only, WAL is without the images of pages that come after each checkpoint.
\set QUIET on
\set ON_ERROR_STOP on
\pset footer off
set client_min_messages = warning;

create temp table measured (n int generated always as identity, operation text, wal bigint, disk bigint);

create function pg_temp.disk() returns bigint language sql as $$
  select sum(pg_total_relation_size(relation))
    from unnest(array['payment_history', 'holds', 'hold_changes']::regclass[]) as r (relation)
$$;

create procedure pg_temp.operate(operation text, rounds int) language plpgsql as $$
declare
  v_run text := to_char(clock_timestamp(), 'HH24MISSUS');
begin
  for r in 1 .. rounds loop
    for u in 2 .. 1001 loop
      case operation
        when 'debit_user' then perform debit_user(u, 1);
        when 'debit_user with a key' then perform debit_user(u, 1, format('%s-%s-%s', v_run, r, u));
        when 'transfer' then perform transfer(u, u + 1, 1);
        when 'place_hold and release_hold' then
          perform release_hold(u, h.hold) from place_hold(u, 1) h;
        when 'a debit in a batch of 100' then
          continue when u % 100 <> 1;
          perform from ledger.post(array_fill('DEBIT'::text, array[100]),
            array(select g from generate_series(u - 99, u) g where g > 0),
            array_fill(1::numeric, array[100]));
      end case;
      commit;
    end loop;
  end loop;
end $$;

create procedure pg_temp.measure(operation text) language plpgsql as $$
declare
  v_wal pg_lsn;
  v_disk bigint;
begin
  -- Once before, so that every page has been touched.
  call pg_temp.operate(operation, 1);
  v_wal := pg_current_wal_insert_lsn();
  v_disk := pg_temp.disk();
  call pg_temp.operate(operation, 20);
  insert into measured (operation, wal, disk) values (operation,
    (pg_current_wal_insert_lsn() - v_wal) / 20000,
    (pg_temp.disk() - v_disk) / 20000);
  commit;
end $$;

-- Memory is shown to whoever may see statistics: a superuser, or a member of pg_read_all_stats.
select has_function_privilege('pg_get_backend_memory_contexts()', 'execute') as has_memory \gset
\if :has_memory
  select sum(total_bytes) as new_bytes from pg_backend_memory_contexts \gset
\endif

select count(u.id) as made from generate_series(2, 1201) g, lateral create_user(g) u \gset
select count(c.seq) as credited from users u, lateral credit_user(u.id, 1000000) c \gset

call pg_temp.measure('debit_user');
call pg_temp.measure('debit_user with a key');
call pg_temp.measure('transfer');
call pg_temp.measure('place_hold and release_hold');
call pg_temp.measure('a debit in a batch of 100');

select operation, wal as "WAL, bytes", disk as "tables and indexes, bytes" from measured order by n;
select pg_relation_size('payment_history') / count(*) as "bytes of an entry",
       pg_indexes_size('payment_history') / count(*) as "of its indexes",
       (select pg_total_relation_size('users') / count(*) from users) as "of a user"
  from payment_history;
\if :has_memory
  select round(:new_bytes / 1048576.0, 1) as "MiB of a new connection",
         round(sum(total_bytes) / 1048576.0, 1) as "of this one, which has done all that"
    from pg_backend_memory_contexts;
\endif
