/**
 * Random operations, on the ledger and on a model of it: every answer and all that is written has
 * to be the same. LEDGER_TEST_SEED and LEDGER_TEST_PATH repeat what a failure names.
 */
import fc from 'fast-check'
import type postgres from 'postgres'
import { expect, test } from 'vitest'
import { ageHolds, findingsOf, one, useLedger } from './ledger.ts'
import { type Action, type Item, Model, type Operation } from './model.ts'
import { randomOf } from './storm.ts'

const ledger = useLedger()
const SEED = Number(process.env['LEDGER_TEST_SEED'] ?? Date.now() % 1_000_000)
const RUNS = Number(process.env['LEDGER_TEST_MODEL_RUNS'] ?? 1000)
const USERS = 3
const UNKNOWN_ID = 999_999
const CODES = ['LGAMT', 'LGENT', 'LGFND', 'LGHLD', 'LGKEY', 'LGREV', 'LGSAM', 'LGUSR', '55P03']

const user = fc.oneof(
  { weight: 20, arbitrary: fc.constant(0) },
  { weight: 10, arbitrary: fc.integer({ min: 1, max: USERS - 1 }) },
  { weight: 1, arbitrary: fc.constant(USERS) },
)
const good = fc.constantFrom(1n, 100n, 150n, 200n, 300n, 500n, 999_999_999_999n)
const amount = fc.oneof(
  { weight: 30, arbitrary: good },
  { weight: 1, arbitrary: fc.constantFrom(0n, -100n, 1_000_000_000_000n) },
)
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
)
const hold = fc.constantFrom(1, 1, 1, 2, 2, 3, 0)
const seq = fc.constantFrom(1, 2, 2, 3, 3, 4, 5, 0)
const item: fc.Arbitrary<Item> = fc.record({ user, amount, key })
const of = <K extends Operation['kind']>(...kinds: K[]) => fc.constantFrom(...kinds)
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: of('debit'), user, amount, key }),
  fc.record({ kind: of('credit'), user, amount: good, key }),
  fc.record({ kind: of('batch'), items: fc.array(item, { minLength: 1, maxLength: 6 }) }),
  fc.record({
    kind: of('insert'),
    user: fc.nat(USERS - 1),
    action: fc.constantFrom<Action>('CREDIT', 'DEBIT'),
    amount: good,
  }),
  fc.record({ kind: of('recalculate', 'read', 'age'), user: fc.nat(USERS - 1) }),
  fc.record({ kind: of('transfer'), user, to: user, amount, key }),
  fc.record({ kind: of('hold'), user, amount, expires: fc.boolean(), key }),
  fc.record({ kind: of('capture'), user, hold, amount: fc.option(amount), key }),
  fc.record({ kind: of('release'), user, hold, key }),
  fc.record({ kind: of('reverse'), user, seq, key }),
)
/** Some inside a transaction that is rolled back. */
const step = fc.record({ operation, undone: fc.nat(19).map((n) => n === 19) })

const decimal = (cents: bigint | null) => {
  if (cents === null) return null
  const digits = String(cents < 0n ? -cents : cents).padStart(3, '0')
  return `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}
const cents = (text: unknown) =>
  text === null ? 'null' : String(BigInt((text as string).replace('.', '')))
const list = (values: (string | number | null)[]) =>
  `{${values.map((value) => String(value)).join(',')}}`

function shown(row: postgres.Row): string {
  const state = `${cents(row['balance'])} ${cents(row['available'])}`
  return `${row['seq']} ${row['action']} ${cents(row['amount'])} ${state} ${row['replayed']}`
}

async function perform(sql: postgres.Sql, ids: number[], o: Operation): Promise<string[]> {
  const idOf = (user: number) => ids[user] ?? UNKNOWN_ID
  if (o.kind === 'batch') {
    const rows = await sql`
      select * from debit_users(${list(o.items.map((item) => idOf(item.user)))}::bigint[],
        ${list(o.items.map((item) => decimal(item.amount)))}::numeric[],
        ${list(o.items.map((item) => item.key))}::text[])`
    return rows.map((row) =>
      row['status'] === 'ok'
        ? `ok ${shown(row)}`
        : `${row['status']} ${row['seq']} ${cents(row['balance'])} ${cents(row['available'])}`
    )
  }
  const id = idOf(o.user)
  const value = 'amount' in o ? decimal(o.amount) : null
  const key = 'key' in o ? o.key : null
  switch (o.kind) {
    case 'debit':
      return (await sql`select * from debit_user(${id}, ${value}, ${key})`).map(shown)
    case 'credit':
      return (await sql`select * from credit_user(${id}, ${value}, ${key})`).map(shown)
    case 'insert':
      await sql`insert into payment_history (user_id, action, amount)
        values (${id}, ${o.action}, ${value})`
      return []
    case 'recalculate':
    case 'read': {
      const row = o.kind === 'read'
        ? await one(sql`select * from get_users(array[${id}::bigint])`)
        : await one(sql`select * from recalculate_balance(${id})`)
      const state = `${cents(row['balance'])} ${cents(row['available'])}`
      return [`${state} ${row['seq']} ${row['version']}`]
    }
    case 'age':
      await ageHolds(sql, id)
      return []
    case 'transfer':
      return (await sql`select * from transfer(${id}, ${idOf(o.to)}, ${value}, ${key})`).map(shown)
    case 'hold': {
      const row = await one(sql`
        select * from place_hold(${id}, ${value}, ${o.expires ? 3600 : null}, ${key})`)
      return [
        `${row['hold']} ${cents(row['amount'])} ${row['status']} ` +
        `${cents(row['available'])} ${row['replayed']}`,
      ]
    }
    case 'capture':
      return (await sql`select * from capture_hold(${id}, ${o.hold}, ${value}, ${key})`).map(shown)
    case 'release': {
      const row = await one(sql`select * from release_hold(${id}, ${o.hold}, ${key})`)
      const state = `${cents(row['balance'])} ${cents(row['available'])}`
      return [`${state} ${row['seq']} ${row['replayed']}`]
    }
    case 'reverse':
      return (await sql`select * from reverse_entry(${id}, ${o.seq}, ${key})`).map(shown)
  }
}

async function answerOf(sql: postgres.Sql, ids: number[], o: Operation): Promise<string[]> {
  try {
    return await perform(sql, ids, o)
  } catch (error) {
    return [(error as { code?: string }).code ?? String(error)]
  }
}

/** All that is written about the users, in the words of the model. */
async function writtenOf(sql: postgres.Sql, ids: number[]): Promise<unknown[]> {
  const rows = await sql`
    select u.hold_changes, u.balance, u.seq,
           (select json_agg(json_build_object('seq', h.seq, 'action', h.action,
               'amount', h.amount::text, 'balance', h.balance::text, 'held', h.held::text,
               'key', h.idempotency_key, 'hold', h.hold, 'reverses', h.reverses,
               'peer', h.peer_user_id, 'peerSeq', h.peer_seq) order by h.seq, h.id)
              from payment_history h where h.user_id = u.id) as history,
           (select json_agg(json_build_object('hold', o.hold, 'amount', o.amount::text,
               'status', (get_hold(u.id, o.hold)).status, 'key', o.idempotency_key,
               'releaseKey', o.release_key, 'available', o.available::text) order by o.hold)
              from holds o where o.user_id = u.id) as holds
      from users u where u.id = any (${list(ids)}::bigint[]) order by u.id`
  return rows.map((row) => ({
    changes: Number(row['hold_changes']),
    copy: `${cents(row['balance'])} at ${row['seq']}`,
    history: (row['history'] as Record<string, unknown>[] | null ?? []).map((h) => ({
      ...h,
      amount: cents(h['amount']),
      balance: cents(h['balance']),
      held: cents(h['held']),
      peer: h['peer'] === null ? null : ids.indexOf(Number(h['peer'])),
    })),
    holds: (row['holds'] as Record<string, unknown>[] | null ?? []).map((h) => ({
      ...h,
      amount: cents(h['amount']),
      available: cents(h['available']),
    })),
  }))
}

function expectedOf({ accounts }: Model): unknown[] {
  return accounts.map(({ entries, pending, holds, changes }) => ({
    changes,
    copy: `${entries.at(-1)?.balance ?? 0n} at ${entries.length}`,
    history: [
      ...entries.map((e) => ({
        ...e,
        amount: String(e.amount),
        balance: String(e.balance),
        held: String(e.held),
      })),
      ...pending.map(({ action, amount }) => ({
        seq: null,
        action,
        amount: String(amount),
        balance: 'null',
        held: 'null',
        key: null,
        hold: null,
        reverses: null,
        peer: null,
        peerSeq: null,
      })),
    ],
    holds: holds.map(({ hold, amount, status, key, releaseKey, available }) => ({
      hold,
      amount: String(amount),
      status,
      key,
      releaseKey,
      available: String(available),
    })),
  }))
}

async function newUsers(sql: postgres.Sql): Promise<number[]> {
  const rows = await sql`select (create_user()).id from generate_series(1, ${USERS}) order by id`
  return rows.map(({ id }) => Number(id))
}

/** How many operations of each kind passed, and of how many. */
const passed: Record<string, [number, number]> = {}

async function run(steps: { operation: Operation; undone: boolean }[]): Promise<void> {
  const { sql } = ledger
  const ids = await newUsers(sql)
  const model = new Model(USERS)
  for (const { operation, undone } of steps) {
    const before = undone && structuredClone(model.accounts)
    if (undone) await sql`begin`
    const answer = await answerOf(sql, ids, operation)
    if (undone) await sql`rollback`
    const wanted = model.apply(operation)
    if (before) model.accounts = before
    expect(answer).toEqual(wanted)
    const counts = passed[operation.kind] ??= [0, 0]
    if (!CODES.includes(wanted[0]!)) counts[0]++
    counts[1]++
  }
  expect(await writtenOf(sql, ids)).toEqual(expectedOf(model))
}

const RICH = [
  { kind: 'credit', user: 0, amount: 1000n, key: null },
  { kind: 'credit', user: 1, amount: 1000n, key: null },
  { kind: 'hold', user: 0, amount: 300n, expires: true, key: null },
].map((operation) => ({ operation: operation as Operation, undone: false }))

test(`${RUNS} sequences do what the model says: seed ${SEED}`, { timeout: 600_000 }, async () => {
  const path = process.env['LEDGER_TEST_PATH']
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }),
      (steps) => run([...RICH, ...steps]),
    ),
    { numRuns: RUNS, seed: SEED, ...(path && { path }) },
  )
  expect(await findingsOf(ledger.sql)).toEqual([])
  console.info(`seed ${SEED}: passed ${JSON.stringify(passed)}`)
})

/** What has changed the users, in an order in which it may have happened, as operations. */
async function happenedTo(sql: postgres.Sql, ids: number[]): Promise<Operation[]> {
  const rows = await sql`
    select 'entry' as what, h.sealed_at as at, h.user_id, h.seq, h.action, h.amount::text,
           h.idempotency_key as key, h.hold, h.reverses, h.peer_user_id, h.ts = h.sealed_at as posted,
           null::boolean as expires
      from payment_history h
      -- Of two halves the one that was written first.
     where h.user_id = any (${list(ids)}::bigint[]) and not exists (
       select from payment_history p where p.user_id = h.peer_user_id and p.seq = h.peer_seq
          and p.id < h.id)
    union all
    select 'hold', o.created_at, o.user_id, o.hold, null, o.amount::text, o.idempotency_key,
           o.hold, null, null, null, o.expires_at < 'infinity'
      from holds o where o.user_id = any (${list(ids)}::bigint[])
    union all
    select 'release', o.closed_at, o.user_id, o.hold, null, null, o.release_key, o.hold, null, null,
           null, null
      from holds o where o.user_id = any (${list(ids)}::bigint[]) and o.status = 'released'
    order by at, user_id, seq`
  return rows.flatMap((row): Operation[] => {
    const user = ids.indexOf(Number(row['user_id']))
    const { action, key } = row as unknown as { action: Action; key: string | null }
    const amount = BigInt((row['amount'] as string | null)?.replace('.', '') ?? 0)
    const hold = Number(row['hold'])
    if (row['what'] === 'hold') {
      return [{ kind: 'hold', user, amount, expires: row['expires'] as boolean, key }]
    }
    if (row['what'] === 'release') return [{ kind: 'release', user, hold, key }]
    if (row['hold'] !== null) return [{ kind: 'capture', user, hold, amount, key }]
    if (row['reverses'] !== null) {
      return [{ kind: 'reverse', user, seq: Number(row['reverses']), key }]
    }
    if (row['peer_user_id'] !== null) {
      return [{ kind: 'transfer', user, to: ids.indexOf(Number(row['peer_user_id'])), amount, key }]
    }
    if (row['posted']) {
      return [{ kind: action === 'CREDIT' ? 'credit' : 'debit', user, amount, key }]
    }
    return [{ kind: 'insert', user, action, amount }, { kind: 'recalculate', user }]
  })
}

test(
  `what several do at once is what one could have done: seed ${SEED}`,
  { timeout: 120_000 },
  async () => {
    const { sql } = ledger
    const random = randomOf(SEED)
    const callers = Array.from({ length: 6 }, () => ledger.connect())
    const codes = new Set<string>()
    for (let round = 0; round < 40; round++) {
      const ids = await newUsers(sql)
      await sql`select credit_user(id, 10) from unnest(${list(ids)}::bigint[]) id`
      const tasks = fc.sample(operation, { numRuns: 90, seed: Math.floor(random() * 2 ** 31) })
        .filter(({ kind }) => kind !== 'age')
      const fresh: string[] = []
      await Promise.all(callers.map(async (own) => {
        for (let task = tasks.shift(); task; task = tasks.shift()) {
          const answer = await answerOf(own, ids, task)
          for (const line of answer) {
            const [word] = /^[0-9A-Z]{5}(?= |$)/.exec(line) ?? []
            if (word) codes.add(word)
          }
          if (task.kind === 'transfer' && answer.length < 2) continue
          const users = task.kind === 'transfer'
            ? [task.user, task.to]
            : task.kind === 'batch'
            ? task.items.map((i) => i.user)
            : [task.user]
          answer.forEach((line, n) => {
            const entry = /(\d+ (?:CREDIT|DEBIT) .*) false$/.exec(line)?.[1]
            if (entry) fresh.push(`${users[n]}: ${entry}`)
          })
        }
      }))
      for (const id of ids) await sql`select recalculate_balance(${id})`
      const model = new Model(USERS)
      for (const operation of await happenedTo(sql, ids)) model.apply(operation)
      expect(await writtenOf(sql, ids)).toEqual(expectedOf(model))
      // Each was answered once as new, as it is written.
      expect(new Set(fresh).size).toBe(fresh.length)
      const entries = model.accounts.flatMap(({ entries }, user) =>
        entries.map((e) =>
          `${user}: ${e.seq} ${e.action} ${e.amount} ${e.balance} ${e.balance - e.held}`
        )
      )
      expect(fresh.filter((entry) => !entries.includes(entry))).toEqual([])
    }
    expect([...codes].filter((code) => !CODES.includes(code))).toEqual([])
    expect(await findingsOf(sql)).toEqual([])
  },
)
