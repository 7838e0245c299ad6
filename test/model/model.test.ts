/**
 * Random commands through every channel, several at once, on the ledger and on a model of it: every
 * answer, every balance and all that is written has to be the same. LEDGER_TEST_SEED repeats what
 * a failure names.
 */
import fc from 'fast-check'
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, type Caller, cents, type Done } from './call.ts'
import { perform } from './adapters.ts'
import { connectTo } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import { Account } from './account.ts'
import type { Command } from './command.ts'
import { Model } from './model.ts'
import { explain, written } from './linearizability.ts'
import { isOnCitus } from '../support/on_citus.ts'
import { startTestService, type TestService } from '../support/service.ts'
import { SEED, shareOf } from '../support/share.ts'
import { AT_ONCE, sequence, START, USERS } from './random_calls.ts'

const RUNS = shareOf(1000)
const WORKERS = 6
/** How often a shorter sequence may try to fail again: what fails by a race doesn't every time. */
const TRIES = 5

/** Readable: `debit 0 amount=1.00 key=a`. */
const commandText = ({ kind, user, ...rest }: Command) =>
  [
    kind,
    user,
    ...Object.entries(rest).flatMap(([name, value]) => value === null ? [] : `${name}=${value}`),
  ]
    .join(' ')
const doneText = ({ channel, steps, undone }: Done) =>
  `  ${channel}${undone ? ', rolled back' : ''}: ` +
  steps.map(({ command, answer }) => `${commandText(command)} -> ${answer.join(', ')}`).join('; ')

/** All that is written about the users, in the words of the model. */
async function writtenOf(sql: postgres.Sql, ids: number[]): Promise<string> {
  const [row] = await sql<{ accounts: string }[]>`
    select json_agg(json_build_object('balance', u.balance::text, 'seq', u.seq, 'entries', (
               select json_agg(json_build_object('key', h.idempotency_key, 'hold', h.hold,
                   'reverses', h.reverses, 'peer', h.peer_user_id, 'peerSeq', h.peer_seq,
                   'action', h.action, 'amount', h.amount::text, 'seq', h.seq,
                   'balance', h.balance::text, 'held', h.held::text) order by h.seq, h.id)
                 from payment_history h where h.user_id = u.id),
             'holds', (
               select json_agg(json_build_object('amount', o.amount::text,
                   'remaining', o.remaining::text, 'captured', o.captured::text,
                   'changes', (
                     select json_agg(json_build_object('action', c.action,
                         'amount', c.amount::text, 'remaining', c.remaining::text,
                         'never', c.expires_at = 'infinity', 'seq', c.seq,
                         'balance', c.balance::text, 'available', c.available::text,
                         'key', c.idempotency_key) order by c.number)
                       from hold_changes c where c.user_id = o.user_id and c.hold = o.hold
                   )) order by o.hold)
                 from holds o where o.user_id = u.id),
             'changes', u.hold_changes, 'frozen', u.frozen_at is not null,
             'limit', coalesce(u.credit_limit, 0.00)::text) order by u.id)::text as accounts
      from users u where u.id = any (${`{${ids.join(',')}}`}::bigint[])`
  const money = (_: string, value: unknown) =>
    typeof value === 'string' && /^-?\d+\.\d\d$/.test(value) ? cents(value) : value
  const accounts = JSON.parse(row!.accounts, money) as postgres.Row[]
  const statuses = await Promise.all(ids.map((id) =>
    sql<{ status: string }[]>`
      select status from ledger.list_holds(${id}::bigint, max_rows => 1000) order by hold`
  ))
  return accounts.map((account, i) => {
    const entries = ((account['entries'] ?? []) as postgres.Row[]).map((entry) => ({
      ...entry,
      peer: entry['peer'] === null ? null : ids.indexOf(Number(entry['peer'])),
      peerSeq: entry['peerSeq'] ?? 0,
    }))
    const holds = ((account['holds'] ?? []) as postgres.Row[])
      .map(({ changes, ...hold }, n) => ({ ...hold, status: statuses[i]![n]!.status, changes }))
    return JSON.stringify({ ...account, entries, holds })
  }).join('\n')
}

const PENDING = { key: null, hold: null, reverses: null, peer: null, peerSeq: 0 }
const UNCOUNTED = { seq: null, balance: null, held: null }

const expectedOf = ({ accounts }: Model): string =>
  accounts.map(({ entries, pending, holds, changes, balance, frozen, limit }) =>
    written({
      balance: `${balance}`,
      seq: entries.length,
      entries: [
        ...entries.map(({ key, hold, reverses, peer, peerSeq, action, amount, ...counted }) => ({
          key,
          hold,
          reverses,
          peer,
          peerSeq,
          action,
          amount,
          seq: counted.seq,
          balance: counted.balance,
          held: counted.held,
        })),
        ...pending.map(({ action, amount }) => ({ ...PENDING, action, amount, ...UNCOUNTED })),
      ],
      holds: holds.map(({ amount, remaining, captured, status, changes }) => ({
        amount,
        remaining,
        captured,
        status,
        changes: changes.map((c) => ({
          action: c.action,
          amount: c.amount,
          remaining: c.remaining,
          never: c.seconds === null,
          seq: c.seq,
          balance: c.balance,
          available: c.available,
          key: c.key,
        })),
      })),
      changes,
      frozen,
      limit,
    })
  ).join('\n')

let service: TestService
let superuser: postgres.Sql
const free: postgres.Sql[][] = []

beforeAll(async () => {
  service = await startTestService()
  superuser = connectTo(service.database.url)
  // Transactions of two users in opposite orders are made on purpose.
  await superuser.unsafe(
    `alter database ${
      new URL(service.database.url).pathname.slice(1)
    } set deadlock_timeout = '10ms'`,
  )
  for (let n = 0; n < WORKERS; n++) {
    // On Citus only the owner may insert an entry and call a function in one transaction.
    const role = isOnCitus() ? undefined : 'ledger_dba'
    free.push(Array.from({ length: AT_ONCE }, () => connectTo(service.database.url, role)))
  }
})
afterAll(async () => {
  await Promise.all([superuser, ...free.flat()].map((sql) => sql.end({ timeout: 0 })))
  await service.close()
})

/** How many commands of each kind passed through each channel, and of how many. */
const passed: Record<string, [number, number]> = {}

/** @throws Error that tells what was done, and what was answered */
async function run(groups: Call[][], own: postgres.Sql[]): Promise<void> {
  const rows = await superuser<{ id: string }[]>`
    select (create_user()).id from generate_series(1, ${USERS}) order by id`
  const ids = rows.map(({ id }) => Number(id))
  const callerOf = (n: number): Caller => ({ sql: own[n]!, superuser, url: service.url, ids })
  const told: string[] = []
  let models = [new Model(ids.map(() => new Account()))]
  for (const group of [[START], ...groups]) {
    const done = (await Promise.all(group.map((one, n) => perform(callerOf(n), one)))).flat()
    told.push(group.length > 1 ? 'At once:' : 'Then:', ...done.map(doneText))
    const before = models
    models = explain(models, done)
    if (models.length === 0) {
      const wanted = done.flatMap(({ steps, channel }) =>
        steps.map(({ command }) => before[0]!.apply(command, channel).join(', '))
      )
      throw new Error(`${told.join('\n')}\nIn no order. In this one: ${wanted.join('; ')}`)
    }
    for (const { channel, steps } of done) {
      for (const { command, answer } of steps) {
        const counts = passed[`${channel} ${command.kind}`] ??= [0, 0]
        if (!/^[L\d][G\d][A-Z\d]{3}\b/.test(answer[0] ?? '')) counts[0]++
        counts[1]++
      }
    }
  }
  const [got, wanted] = [await writtenOf(superuser, ids), models.map(expectedOf)]
  if (!wanted.includes(got)) {
    throw new Error(`${told.join('\n')}\nWritten:\n${got}\nExpected:\n${wanted[0]}`)
  }
}

/** Repeats one sequence, and shorter ones as long as they fail, too. */
async function shrink(seed: number, own: postgres.Sql[]): Promise<void> {
  await fc.assert(
    fc.asyncProperty(sequence, async (groups) => {
      for (let n = 0; n < TRIES; n++) await run(groups, own)
    }),
    { numRuns: 1, seed, interruptAfterTimeLimit: 60_000 },
  )
}

test(`${RUNS} sequences do what the model says: seed ${SEED}`, async () => {
  let next = 0
  const failed: { seed: number; error: unknown }[] = []
  await Promise.all(free.map(async (own) => {
    while (next < RUNS && failed.length === 0) {
      const seed = SEED + next++
      const [groups] = fc.sample(sequence, { numRuns: 1, seed })
      await run(groups!, own).catch((error: unknown) => failed.push({ seed, error }))
    }
  }))
  for (const { seed, error } of failed.slice(0, 1)) {
    await shrink(seed, free[0]!)
    throw error
  }
  expect(await findingsOf(superuser)).toEqual([])
  expect(await superuser`select finding, user_id, seq, detail from verify_ledger()`).toHaveLength(0)
  console.info(`seed ${SEED}: passed ${JSON.stringify(passed)}`)
})
