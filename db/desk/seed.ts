/** Fills an empty ledger with users and history, to be looked at and tried: `npm run seed`. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type postgres from 'postgres'
import { counted, printedHelp } from '../../src/command_line.ts'
import { arrayLiteral } from '../../src/ledger/rows.ts'
import { connectOwner, refuseDistributed, runCommand, wholeNumber } from '../command.ts'
import {
  type Operation,
  type Outcome,
  postOperations,
  postOperationsAt,
} from '../post_operations.ts'
import {
  DAY_MS,
  endOfRound,
  endOfToday,
  expiredHoldsOf,
  type Round,
  ROUND_DAYS,
  roundOf,
  ROUNDS_A_MONTH,
  type SeedUser,
  todayOf,
  usersOf,
} from './seed_data.ts'

const OPERATIONS_A_CALL = 500
const HOUR_MS = DAY_MS / 24
/** How long ago the last round ended, and the holds that have expired were placed. */
const [LAST_ROUND_MS, EXPIRED_HOLDS_MS] = [6 * HOUR_MS, 3 * HOUR_MS]
const HELP = `
usage: npm run seed -- [--users N] [--months N] [--seed N] [--add]

Fills the empty ledger of MIGRATE_DATABASE_URL, or else DATABASE_URL, as its owner, with users that
have a reference and months of credits, debits, transfers, holds, captures, releases and reversals,
up to now. Some users are frozen, some have a credit limit, and some have an entry that is pending.
--users   how many, 2 to 10000; by default 300
--months  how far the history goes back, 1 to 36; by default 6
--seed    another number gives other users and amounts, the same one the same; by default 1
--add     also to a ledger that isn't empty, as users of their own; not once it has anchors

exit codes: 0 the ledger has it all, 2 it has not, for the reason in one line`

/**
 * @throws Error with one line if the role is not the owner, or the ledger is in use, has anchors,
 * which say what was there before, or has users of this seed
 */
async function checkLedger(sql: postgres.Sql, users: SeedUser[], mayAdd: boolean): Promise<void> {
  const references = arrayLiteral(users.map(({ reference }) => reference))
  const [right] = await sql<{ isOwner: boolean }[]>`
    select has_table_privilege('public.payment_history', 'insert') as "isOwner"`
  if (!right!.isOwner) throw new Error('npm run seed needs the owner of the ledger')
  const [row] = await sql<{ isEmpty: boolean; isAnchored: boolean; taken: string | null }[]>`
    select not exists (select from public.payment_history)
           and not exists (select from public.users u where u.id <> 1) as "isEmpty",
           exists (select from ledger.anchors) as "isAnchored",
           (select min(r.reference) from public.user_references r
             where r.reference = any (${references}::text[])) as taken`
  if (!row!.isEmpty && !mayAdd) {
    throw new Error('the ledger is not empty: nothing was added; --add adds to it all the same')
  }
  if (row!.isAnchored) throw new Error('the ledger has anchors, so its past can not be added to')
  if (row!.taken) throw new Error(`there is a user ${row!.taken} already: give another --seed`)
}

/**
 * As create_user, at a moment of the past.
 * @returns their ids, in the order of the list
 */
async function createUsers(sql: postgres.Sql, users: SeedUser[], atMs: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    with made as materialized (
      select ledger.insert_user(null, u.at) as id, u.at, u.reference, u.metadata
        from (
          select to_timestamp(${atMs / 1000}::double precision) as at, l.reference, l.metadata
            from unnest(${arrayLiteral(users.map(({ reference }) => reference))}::text[],
                   ${arrayLiteral(users.map(({ metadata }) => metadata))}::jsonb[])
                   with ordinality as l (reference, metadata, n)
           order by l.n) u),
    referred as (
      insert into public.user_references (reference, user_id)
      select m.reference, m.id from made m),
    detailed as (
      insert into public.user_details (user_id, reference, metadata, hash)
      select m.id, m.reference, m.metadata,
             ledger.details_hash(m.id, m.at, m.reference, m.metadata, null, null)
        from made m)
    select m.id from made m order by m.id`
  return rows.map(({ id }) => id)
}

/** In parts, each in a transaction. */
async function postAll(
  list: readonly Operation[],
  post: (part: Operation[], at: number) => Promise<Outcome[]>,
): Promise<Outcome[]> {
  const outcomes = []
  for (let at = 0; at < list.length; at += OPERATIONS_A_CALL) {
    outcomes.push(...await post(list.slice(at, at + OPERATIONS_A_CALL), at))
  }
  return outcomes
}

/** Posts what begins at a moment of the past. */
function postRound(sql: postgres.Sql, { operations, afterMs }: Round, beginMs: number) {
  const moments = afterMs.map((ms) => new Date(beginMs + ms).toISOString())
  return postAll(
    operations,
    (part, at) => postOperationsAt(sql, part, moments.slice(at, at + part.length)),
  )
}

/** The clock of the database. */
async function readClock(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ ms: number }[]>`
    select floor(extract(epoch from clock_timestamp()) * 1000)::double precision as ms`
  return row!.ms
}

/** @returns how many operations were posted in rounds from a moment on, up to now */
async function postPast(
  sql: postgres.Sql,
  { seed, rounds, ids, firstMs, nowMs }: {
    seed: number
    rounds: number
    ids: string[]
    firstMs: number
    nowMs: number
  },
): Promise<number> {
  await sql.unsafe(readFileSync(new URL('post_past.sql', import.meta.url), 'utf8'))
  const outcomes: Outcome[] = []
  for (let round = 0; round < rounds; round++) {
    const beginMs = firstMs + round * ROUND_DAYS * DAY_MS
    const begun = roundOf(seed, round, ids)
    const first = await postRound(sql, begun, beginMs)
    const end = endOfRound(seed, round, begun.operations, first)
    outcomes.push(...first, ...await postRound(sql, end, beginMs))
  }
  outcomes.push(...await postRound(sql, expiredHoldsOf(seed, ids), nowMs - EXPIRED_HOLDS_MS))
  return outcomes.filter(({ status }) => status === 'ok').length
}

/** @returns how many operations were posted */
async function postToday(sql: postgres.Sql, seed: number, ids: string[]): Promise<number> {
  const post = (part: Operation[]) => postOperations(sql, part)
  const today = todayOf(seed, ids)
  const outcomes = await postAll(today, post)
  outcomes.push(...await postAll(endOfToday(seed, today, outcomes), post))
  return outcomes.filter(({ status }) => status === 'ok').length
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
  const sql = await connectOwner('seed')
  try {
    await refuseDistributed(sql, 'seed')
    const users = usersOf(seed, count)
    await checkLedger(sql, users, values.add)
    const nowMs = await readClock(sql)
    const rounds = months * ROUNDS_A_MONTH
    const firstMs = nowMs - LAST_ROUND_MS - rounds * ROUND_DAYS * DAY_MS
    const ids = await createUsers(sql, users, firstMs - DAY_MS)
    const past = await postPast(sql, { seed, rounds, ids, firstMs, nowMs })
    const today = await postToday(sql, seed, ids)
    await setApart(sql, ids)
    const since = counted(months, 'month')
    console.log(`${count} users, ${past} operations of ${since}, ${today} of today`)
    return 0
  } finally {
    await sql.end({ timeout: 5 })
  }
}

await runCommand(import.meta.url, main)
