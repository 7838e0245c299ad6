/** Rules of a history, checked by a query of the tests' own. */
import postgres from 'postgres'
import { isOnCitus } from './on_citus.ts'
import { hashAfter } from './sealing.ts'

/** SQL: whether a hash follows from the one before; Citus passes on no rows. */
const follows = () =>
  isOnCitus()
    ? `p.hash = ${hashAfter('lag(p.hash) over w', 'p')}`
    : 'ledger.is_hash_of(lag(p.hash) over w, p)'

/** Which rules the histories break, of one user or of all; none is good. */
export async function findingsOf(sql: postgres.Sql, userId?: number): Promise<string[]> {
  // Where users are on several servers, rows of all of them are brought together first.
  const copies = userId !== undefined || !isOnCitus() ? sql`` : sql`
    users as materialized (select * from public.users),
    payment_history as materialized (select * from public.payment_history),
    holds as materialized (select * from public.holds),
    hold_changes as materialized (select * from public.hold_changes),`
  const of = (column: string) => userId === undefined ? sql`true` : sql`${sql(column)} = ${userId}`
  const rows = await sql<{ finding: string }[]>`
    with ${copies} posted as (
      select h.*, row_number() over w as nth,
             sum(case h.action when 'CREDIT' then h.amount else -h.amount end) over w as total,
             lag(h.sealed_at) over w as sealed_before
        from payment_history h where h.seq is not null and ${of('h.user_id')}
      window w as (partition by h.user_id order by h.seq)
    ), findings as materialized (
      select 'seq has a gap' as finding, s.user_id, s.seq from posted s where s.seq <> s.nth
      union all
      select 'balance is not the sum', s.user_id, s.seq from posted s where s.balance <> s.total
      union all
      select 'not posted after the entry before', s.user_id, s.seq
        from posted s where s.sealed_at <= s.sealed_before
      union all
      select 'key used twice', h.user_id, max(h.seq) from payment_history h
       where ${of('h.user_id')} and h.idempotency_key is not null
       group by h.user_id, h.idempotency_key
      having count(*) > 1
      union all
      select 'hash doesn''t follow', s.user_id, s.seq from (
        select p.user_id, p.seq, ${sql.unsafe(follows())} as follows
          from payment_history p
         where p.seq is not null and ${of('p.user_id')}
        window w as (partition by p.user_id order by p.seq)) s
       where s.follows is not true
      union all
      select 'reversal of another action', s.user_id, s.seq from posted s
       where s.reverses is not null and not exists (
         select from payment_history p
          where ${of('p.user_id')} and p.user_id = s.user_id and p.seq = s.reverses
            and p.action <> s.action and p.seq < s.seq)
      union all
      select 'reversed by more than it is', s.user_id, s.reverses from posted s
       where s.reverses is not null group by s.user_id, s.reverses
      having sum(s.amount) > (select p.amount from payment_history p
          where ${of('p.user_id')} and p.user_id = s.user_id and p.seq = s.reverses)
      union all
      select 'hold captured otherwise', s.user_id, s.seq from posted s
       where s.hold is not null and not exists (
         select from hold_changes c
          where ${of('c.user_id')} and c.user_id = s.user_id and c.hold = s.hold
            and c.action = 'captured' and c.seq = s.seq and c.amount = s.amount
            and s.action = 'DEBIT')
      union all
      select 'hold of which more is gone than it was', o.user_id, o.hold from holds o
       where ${of('o.user_id')}
         and (o.captured + o.remaining > o.amount or o.remaining < 0
           or o.captured <> (
             select coalesce(sum(s.amount), 0) from posted s
              where s.user_id = o.user_id and s.hold = o.hold))
      union all
      select 'users has another balance or seq', u.id, u.seq from users u
        left join (select distinct on (s.user_id) s.user_id, s.seq, s.balance from posted s
                    order by s.user_id, s.seq desc) l on l.user_id = u.id
       where ${of('u.id')}
         and (u.balance, u.seq) is distinct from (coalesce(l.balance, 0), coalesce(l.seq, 0))
    )
    select format('%s: %s/%s', f.finding, f.user_id, f.seq) as finding from findings f limit 20`
  return [...rows.map(({ finding }) => finding), ...await unmatchedOf(sql, userId)]
}

/** Entries that are half of a transfer whose other half isn't there. */
async function unmatchedOf(sql: postgres.Sql, userId: number | undefined): Promise<string[]> {
  const rows = await sql<{ finding: string }[]>`
    with halves as materialized (
      select h.* from payment_history h where h.peer_user_id is not null and h.seq is not null)
    select format('half of a transfer without the other: %s/%s', s.user_id, s.seq) as finding
      from halves s
     where ${userId === undefined ? sql`true` : sql`s.user_id = ${userId}`} and not exists (
       select from halves p where p.user_id = s.peer_user_id and p.seq = s.peer_seq
          and (p.peer_user_id, p.peer_seq, p.amount, p.sealed_at) =
              (s.user_id, s.seq, s.amount, s.sealed_at)
          and p.action <> s.action) limit 20`
  return rows.map(({ finding }) => finding)
}
