create or replace function ledger.oldest_writer(users oid[])
  returns xid8
  language sql stable set search_path = pg_catalog, pg_temp as $$
  -- A lock has the lower half of a transaction id; the upper half follows from the snapshot's.
  select min((pg_snapshot_xmax(s.now)::text::bigint
           - age(x.transactionid) + age(pg_snapshot_xmax(s.now)::xid))::text::xid8)
    from (select pg_current_snapshot() as now) s,
         pg_locks u join pg_locks x on x.virtualtransaction = u.virtualtransaction
   where u.locktype = 'relation' and u.relation = any (oldest_writer.users)
     and u.database = (select d.oid from pg_database d where d.datname = current_database())
     and u.mode in ('RowShareLock', 'RowExclusiveLock')
     and x.locktype = 'transactionid' and x.mode = 'ExclusiveLock' and x.granted
$$;

comment on function ledger.oldest_writer is
  'The oldest transaction that has locked a user in one of these tables, or written to it, and has not ended; null if there is none. Prepared ones have not ended. As of now, which is later than the snapshot of the statement that asks.';

revoke all on function ledger.oldest_writer from public;
