/** Everything that may be done to users, at once and at random: a load for what reads meanwhile. */
import type postgres from 'postgres'
import { codeOf } from './ledger.ts'
import { runTypeScript } from './run_typescript.ts'
import { randomOf } from './share.ts'

type Step = (sql: postgres.Sql, user: number, other: number, n: number) => PromiseLike<unknown>

const HOLDS = `select o.hold, o.remaining from holds o
                where o.user_id = $1 and o.status = 'active' order by o.hold desc limit 1`

/** Does something with a hold of the user, if there is one. */
async function withHold(sql: postgres.Sql, user: number, call: string): Promise<void> {
  const [hold] = await sql.unsafe<{ hold: string; remaining: string }[]>(HOLDS, [user])
  if (!hold) return
  await sql.unsafe(call.replaceAll('HOLD', hold.hold).replaceAll('REST', hold.remaining), [user])
}

const call = (text: string): Step => (sql, user) => sql.unsafe(text, [user])
const ofHold = (text: string): Step => (sql, user) => withHold(sql, user, text)

/** Those that are here several times are done more often. */
const transfer: Step = (sql, user, other) =>
  sql`select transfer(${user}::bigint, ${other}::bigint, 1)`
const insert = call(`insert into payment_history (user_id, action, amount, metadata)
  values ($1, 'CREDIT', 0.50, '{"by": "hand"}')`)
const STEPS: Step[] = [
  transfer,
  transfer,
  transfer,
  call('select debit_user($1, 0.10)'),
  call('select credit_user($1, 0.10)'),
  (sql, user, other) => sql`select debit_users(array[${user}, ${other}]::bigint[], '{1,1}')`,
  (sql, user, other, n) =>
    sql`select transfer(${user}::bigint, ${other}::bigint, 1, ${`t${user}-${n % 50}`})`,
  call('select place_hold($1, 1)'),
  call('select place_hold($1, 1, expires_in => 0.001)'),
  ofHold('select capture_hold($1, HOLD, 0.25, final => false)'),
  ofHold('select capture_hold($1, HOLD)'),
  ofHold('select extend_hold($1, HOLD, 60)'),
  ofHold('select release_hold($1, HOLD)'),
  (sql, user, other) =>
    sql`select reverse_entry(${user}::bigint, ${other % 40 + 1}::bigint, amount => 0.10)`,
  (sql, user, _, n) => sql`select reverse_entry(${user}::bigint, ${n % 60 + 1}::bigint)`,
  call('select freeze_user($1)'),
  call('select thaw_user($1)'),
  call('select thaw_user($1)'),
  (sql, user, _, n) => sql`select set_credit_limit(${user}::bigint, ${n % 5}, 'why')`,
  insert,
  insert,
  async (sql, user) => {
    const [row] = await sql`
      select id from pending_entries where user_id = ${user} order by id desc limit 1`
    if (row) await sql`select withdraw_entry(${user}::bigint, ${row['id'] as string}::bigint)`
  },
  call('select recalculate_balance($1)'),
  (sql, user, _, n) =>
    sql`select create_user(reference => ${`r${user}-${n}`}, metadata => '{"a": 1}',
      idempotency_key => ${`k${user}-${n}`})`,
]

/**
 * Does one thing after the other to some of the users, until `signal`. What is refused is done
 * without; each kind of step is done, in the long run.
 * @returns how often each step ended with which code, such as `3 LGFND`
 */
export async function doEverything(
  sql: postgres.Sql,
  users: readonly number[],
  seed: number,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const random = randomOf(seed)
  const below = (count: number) => Math.floor(random() * count)
  const codes = new Map<string, number>()
  while (!signal.aborted) {
    const kind = below(STEPS.length)
    const first = below(users.length)
    const second = (first + 1 + below(users.length - 1)) % users.length
    const n = seed * 1_000_000 + below(1_000_000)
    const code = await codeOf(STEPS[kind]!(sql, users[first]!, users[second]!, n))
    codes.set(`${kind} ${code}`, (codes.get(`${kind} ${code}`) ?? 0) + 1)
  }
  return codes
}

const CLIENTS = 3

/** Has several clients write until all that `work` does is done. */
export async function whileAllWrite(
  connect: () => postgres.Sql,
  users: readonly number[],
  seed: number,
  work: () => Promise<unknown>,
): Promise<void> {
  const stop = new AbortController()
  const load = Array.from(
    { length: CLIENTS },
    (_, n) => doEverything(connect(), users, 10 * (seed % 1e6) + n, stop.signal),
  )
  try {
    await work()
  } finally {
    stop.abort()
    await Promise.all(load)
  }
}

/** Runs npm run verify: its exit code, and all that it prints. */
export async function verifyCommand(url: string, level = 'read committed'): Promise<string> {
  const isolation = encodeURIComponent(level.replace(' ', String.raw`\ `))
  const at = `${url}?options=-c%20default_transaction_isolation%3D${isolation}`
  const run = runTypeScript('db/verify.ts', [], { DATABASE_URL: at })
  return `${await run.ended} ${run.output()}`
}
