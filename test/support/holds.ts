/** Holds as only a superuser can make them. */
import postgres from 'postgres'
import { letTriggersChange } from './ledger.ts'

/** Makes the user's holds so many days older: those that expire within that time have. */
export async function ageHolds(sql: postgres.Sql, id: number, days = 1): Promise<void> {
  // Of UTC, or it depends on the session, which Citus doesn't take.
  const older = (column: string) =>
    `(${column} at time zone 'UTC' - interval '${days} days') at time zone 'UTC'`
  // One message, so one transaction. Citus passes the text around an ALTER TABLE on: in blocks.
  await sql.unsafe(`
    ${letTriggersChange()}
    do $$ begin alter table hold_changes disable trigger guard_row; end $$;
    update hold_changes set at = ${older('at')}, expires_at = ${older('expires_at')}
     where user_id = ${id};
    update holds set expires_at = ${older('expires_at')} where user_id = ${id};
    ${rehashHolds(id)};
    do $$ begin alter table hold_changes enable always trigger guard_row; end $$`)
}

/** A statement that gives the changes of a user's holds the hashes that they must have. */
export const rehashHolds = (id: number) => `
  do $$ declare c hold_changes; v_hash bytea; begin
    for c in select * from hold_changes where user_id = ${id} order by hold, number loop
      v_hash := ledger.hold_hash(case when c.number > 1 then v_hash end, c.user_id, c.hold,
        c.number, c.action, c.amount, c.remaining, c.expires_at, c.at, c.seq, c.balance,
        c.available, c.idempotency_key, c.metadata, c.position);
      update hold_changes set hash = v_hash
       where (user_id, hold, number) = (c.user_id, c.hold, c.number);
    end loop;
    update holds o set hash = l.hash from hold_changes l
     where o.user_id = ${id} and (l.user_id, l.hold, l.number) = (o.user_id, o.hold, o.changes);
  end $$`

/** Gives a user as many active holds as there may be, which together hold nothing. */
export async function placeMostHolds(sql: postgres.Sql, id: number): Promise<void> {
  await sql`
    insert into holds
        (user_id, hold, amount, status, expires_at, hash, remaining, captured, changes)
    select ${id}, 1000 + n, 1, 'active', 'infinity', '', 0, 0, 1
      from generate_series(1, 10000 - (
        select count(*) from holds where user_id = ${id} and status = 'active')) n`
  await sql`update users set hold_changes = 10001 where id = ${id}`
}
