/** Fills an empty ledger with users and history, to be looked at and tried: `npm run seed`. */
import { parseArgs } from 'node:util'
import type postgres from 'postgres'
import { counted, printedHelp } from '../../src/command_line.ts'
import { arrayLiteral } from '../../src/ledger/rows.ts'
import { connectWriter, refuseDistributed, runCommand, wholeNumber } from '../command.ts'
import { type Posting, postOperations } from '../post_operations.ts'
import {
  followUpsOf,
  type PastEntry,
  pastOf,
  type SeedUser,
  todayOf,
  usersOf,
} from './seed_data.ts'

const ROWS_A_CALL = 5000
const OPERATIONS_A_CALL = 500
/** Of whom a call posts all that is pending. */
const USERS_A_CALL = 50
const HELP = `
usage: npm run seed -- [--users N] [--months N] [--seed N] [--add]

Fills the empty ledger of DATABASE_URL, as ledger_dba, with users that have a reference, a history
of months, and debits, transfers, holds, captures, releases and reversals of today. Some users are
frozen, some have a credit limit, and some have an entry that is pending.
--users   how many, 2 to 10000; by default 300
--months  how far the history goes back, 1 to 36; by default 6
--seed    another number gives other users and amounts, the same one the same; by default 1
--add     also to a ledger that isn't empty, as users of their own

exit codes: 0 the ledger has it all, 2 it has not, for the reason in one line`

/** In parts of at most this many. */
function* partsOf<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size)
}

/** @throws Error with one line if the ledger is in use, or has users of this seed */
async function checkLedger(sql: postgres.Sql, users: SeedUser[], mayAdd: boolean): Promise<void> {
  const references = arrayLiteral(users.map(({ reference }) => reference))
  const [row] = await sql<{ isEmpty: boolean; taken: string | null }[]>`
    select not exists (select from public.payment_history)
           and not exists (select from public.users u where u.id <> 1) as "isEmpty",
           (select min(r.reference) from public.user_references r
             where r.reference = any (${references}::text[])) as taken`
  if (!row!.isEmpty && !mayAdd) {
    throw new Error('the ledger is not empty: nothing was added; --add adds to it all the same')
  }
  if (row!.taken) throw new Error(`there is a user ${row!.taken} already: give another --seed`)
}

/** @returns their ids, in the order of the list */
async function createUsers(sql: postgres.Sql, users: SeedUser[]): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select c.id
      from unnest(${arrayLiteral(users.map(({ reference }) => reference))}::text[],
             ${arrayLiteral(users.map(({ metadata }) => metadata))}::jsonb[])
             with ordinality as u (reference, metadata, n)
     cross join lateral create_user(reference => u.reference, metadata => u.metadata) c
     order by u.n`
  return rows.map(({ id }) => id)
}

/** As manual entries, which say themselves when they happened; the next operation posts them. */
async function enter(sql: postgres.Sql, ids: string[], entries: PastEntry[]): Promise<void> {
  const column = (value: (entry: PastEntry) => string | number) => arrayLiteral(entries.map(value))
  await sql`
    insert into public.payment_history (user_id, action, amount, ts, metadata)
    select e.user_id, e.action, e.amount, now() - make_interval(secs => e.seconds_ago), e.metadata
      from unnest(${column(({ user }) => ids[user]!)}::bigint[],
             ${column(({ action }) => action)}::text[],
             ${column(({ amount }) => amount)}::numeric[],
             ${column(({ secondsAgo }) => secondsAgo)}::double precision[],
             ${column(({ metadata }) => metadata)}::jsonb[])
             with ordinality as e (user_id, action, amount, seconds_ago, metadata, n)
     order by e.n`
}

async function postAll(sql: postgres.Sql, postings: Posting[], size: number) {
  const posted = []
  for (const part of partsOf(postings, size)) posted.push(...await postOperations(sql, part))
  return posted
}

/** Some users are frozen, some have a credit limit, and some an entry that is pending. */
async function setApart(sql: postgres.Sql, ids: string[]): Promise<void> {
  for (const [n, id] of ids.entries()) {
    if (n % 50 === 10) await sql`select freeze_user(${id}::bigint, 'papers are missing')`
    if (n % 20 === 5) await sql`select set_credit_limit(${id}::bigint, 500, 'regular income')`
    if (n % 100 === 1) {
      await sql`
        insert into public.payment_history (user_id, action, amount, metadata)
        values (${id}::bigint, 'CREDIT', 25, '{"purpose": "goodwill"}')`
    }
  }
}

async function main(): Promise<number> {
  if (printedHelp(HELP, process.argv.slice(2))) return 0
  const { values } = parseArgs({
    options: {
      users: { type: 'string', default: '300' },
      months: { type: 'string', default: '6' },
      seed: { type: 'string', default: '1' },
      add: { type: 'boolean', default: false },
    },
  })
  const count = wholeNumber('users', values.users, 2, 10_000)
  const months = wholeNumber('months', values.months, 1, 36)
  const seed = wholeNumber('seed', values.seed, 0, 1_000_000)
  const sql = await connectWriter('seed')
  try {
    await refuseDistributed(sql, 'seed')
    const users = usersOf(seed, count)
    await checkLedger(sql, users, values.add)
    const ids = await createUsers(sql, users)
    const past = pastOf(seed, count, months)
    for (const part of partsOf(past, ROWS_A_CALL)) await enter(sql, ids, part)
    await postAll(sql, ids.map((userId) => ({ operation: null, userId })), USERS_A_CALL)
    const today = todayOf(seed, ids)
    const posted = await postAll(sql, today, OPERATIONS_A_CALL)
    const followUps = followUpsOf(seed, today, posted)
    await postAll(sql, followUps, OPERATIONS_A_CALL)
    await setApart(sql, ids)
    const operations = counted(today.length + followUps.length, 'operation')
    const entries = counted(past.length, 'entry', 'entries')
    console.log(
      `${count} users, ${entries} of ${counted(months, 'month')}, ${operations} of today`,
    )
    return 0
  } finally {
    await sql.end({ timeout: 5 })
  }
}

await runCommand(import.meta.url, main)
