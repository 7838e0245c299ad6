/** The ways into the ledger: each does commands of the model, and answers in its words. */
import type postgres from 'postgres'
import { ageHolds, one } from '../support/ledger.ts'
import type { Channel, Command } from './model.ts'

/** What is done as one. `undone`: a transaction that is rolled back. */
export type Call =
  | { channel: 'sql' | 'http'; commands: [Command] }
  | { channel: 'transaction'; commands: Command[]; undone: boolean }
  | { channel: 'batch' | 'http batch'; commands: (Command & { kind: 'debit' })[] }
  | { channel: 'post'; commands: Called[] }

/** What one call of ledger.post may have in it. */
export type Called = Exclude<
  Command,
  { kind: 'insert' | 'read' | 'age' | 'freeze' | 'thaw' | 'limit' }
>

export interface Step {
  command: Command
  answer: string[]
}

/** What was done, in order; nobody else's work on the same users comes in between. */
export interface Done {
  channel: Channel
  steps: Step[]
  undone: boolean
}

export interface Caller {
  sql: postgres.Sql
  superuser: postgres.Sql
  url: string
  /** By number in the model; whoever isn't there is unknown. */
  ids: number[]
}

const UNKNOWN_ID = 999_999
/** Nothing was done; it may be tried again. */
const RACES = new Set(['55P03', '40P01', '40001', 'busy'])
const SQLSTATES: Record<string, string> = {
  unknown_user: 'LGUSR',
  invalid_request: 'LGAMT',
  insufficient_funds: 'LGFND',
  idempotency_key_reused: 'LGKEY',
  hold_not_active: 'LGHLD',
  unknown_hold: 'LGHLU',
  unknown_entry: 'LGENT',
  already_reversed: 'LGREV',
  expiry_not_later: 'LGEXP',
  too_many_holds: 'LGMAX',
  user_frozen: 'LGFRZ',
  same_user: 'LGSAM',
}

const decimal = (amount: bigint) => {
  const digits = String(amount < 0n ? -amount : amount).padStart(3, '0')
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}
export const cents = (text: unknown): string =>
  String(text).replace('.', '').replace(/^(-?)0+(?=\d)/, '$1')

type Row = postgres.Row
const entryShown = (row: Row) =>
  `${row['seq']} ${row['action']} ${cents(row['amount'])} ${cents(row['balance'])} ` +
  `${cents(row['available'])} ${row['replayed']}`
const stateShown = (row: Row) => `${cents(row['balance'])} ${cents(row['available'])} ${row['seq']}`
const controlShown = (row: Row) => `${row['frozen_at'] !== null} ${cents(row['credit_limit'])}`
const holdShown = (row: Row) =>
  `${row['hold']} ${cents(row['amount'])} ${row['status']} ${cents(row['available'])} ${
    row['replayed']
  }`

async function bySql(caller: Caller, c: Command): Promise<string[]> {
  const { sql, ids } = caller
  const id = ids[c.user] ?? UNKNOWN_ID
  const amount = 'amount' in c && c.amount !== null ? decimal(c.amount) : null
  switch (c.kind) {
    case 'debit':
      return (await sql`select * from debit_user(${id}, ${amount}, ${c.key})`).map(entryShown)
    case 'credit':
      return (await sql`select * from credit_user(${id}, ${amount}, ${c.key})`).map(entryShown)
    case 'insert':
      return (await sql`insert into payment_history (user_id, action, amount)
        values (${id}, ${c.action}, ${amount}) returning id`).map((row) => String(row['id']))
    case 'read':
      return (await sql`select * from ledger.get_users(array[${id}::bigint])`).map(stateShown)
    case 'recalculate':
      return (await sql`select * from recalculate_balance(${id})`).map(stateShown)
    case 'age':
      await ageHolds(caller.superuser, id)
      return []
    case 'transfer': {
      const to = ids[c.to] ?? UNKNOWN_ID
      return (await sql`select * from transfer(${id}, ${to}, ${amount}, ${c.key})`).map(entryShown)
    }
    case 'hold': {
      return (await sql`select * from place_hold(${id}, ${amount}, ${c.seconds}, ${c.key})`)
        .map(holdShown)
    }
    case 'capture':
      return (await sql`select * from capture_hold(${id}, ${c.hold}, ${amount}, ${c.key},
        final => ${c.final})`).map(entryShown)
    case 'extend':
      return (await sql`select * from extend_hold(${id}, ${c.hold}, ${c.seconds}, ${c.key})`)
        .map(holdShown)
    case 'release': {
      const row = await one(sql`select * from release_hold(${id}, ${c.hold}, ${c.key})`)
      return [`${stateShown(row)} ${row['replayed']}`]
    }
    case 'freeze':
      return (await sql`select * from freeze_user(${id})`).map(controlShown)
    case 'thaw':
      return (await sql`select * from thaw_user(${id})`).map(controlShown)
    case 'limit':
      return (await sql`select * from set_credit_limit(${id}, ${amount})`).map(controlShown)
    case 'reverse':
      return (await sql`select * from reverse_entry(${id}, ${c.seq}, ${c.key},
        amount => ${amount})`).map(entryShown)
  }
}

/** The SQLSTATE, with what is available where that is too little. */
async function answered(work: Promise<string[]>): Promise<string[]> {
  try {
    return await work
  } catch (error) {
    const { code, detail } = error as { code?: string; detail?: string }
    const [, available] = /^Available is (\S+),/.exec(detail ?? '') ?? []
    if (code === undefined) throw error
    return [code === 'LGFND' ? `${code} ${cents(available)}` : code]
  }
}

const isRace = (answer: string[]) => RACES.has(answer[0]!)

/** Repeats what lost a race, as callers have to. */
async function repeated(work: () => Promise<string[]>): Promise<string[]> {
  for (;;) {
    const answer = await work()
    if (!isRace(answer)) return answer
  }
}

async function byTransaction(caller: Caller, commands: Command[], undone: boolean) {
  const { sql } = caller
  for (;;) {
    const steps: Done['steps'] = []
    await sql`begin`
    for (const command of commands) {
      await sql`savepoint before`
      const answer = await answered(bySql(caller, command))
      if (isRace(answer)) break
      // Refused: the transaction goes on from before.
      if (answer[0]?.startsWith('LG')) await sql`rollback to before`
      steps.push({ command, answer })
    }
    const isWhole = steps.length === commands.length
    await (isWhole && !undone ? sql`commit` : sql`rollback`)
    if (isWhole) return steps
  }
}

const list = (values: unknown[]) => `{${values.map(String).join(',')}}`

/** In parts: debit_users waits for nobody, and says whom somebody else held. */
async function byBatch({ sql, ids }: Caller, items: Call['commands']): Promise<Done[]> {
  const done: Done[] = []
  for (let left = items as (Command & { kind: 'debit' })[]; left.length > 0;) {
    const rows = await sql`
      select * from debit_users(${list(left.map(({ user }) => ids[user] ?? UNKNOWN_ID))}::bigint[],
        ${list(left.map(({ amount }) => decimal(amount)))}::numeric[],
        ${list(left.map(({ key }) => key))}::text[])`
    const steps = left.map((command, i) => {
      const { status, ...row } = rows[i]!
      const refused = status === 'LGFND' ? `${status} ${cents(row['available'])}` : `${status}`
      return { command, answer: [status === 'ok' ? entryShown(row) : refused] }
    })
    left = left.filter((_, i) => isRace(steps[i]!.answer))
    const decided = steps.filter(({ answer }) => !isRace(answer))
    if (decided.length > 0) done.push({ channel: 'batch', steps: decided, undone: false })
  }
  return done
}

const OPERATIONS = {
  debit: 'DEBIT',
  credit: 'CREDIT',
  transfer: 'TRANSFER',
  hold: 'HOLD',
  capture: 'CAPTURE',
  extend: 'EXTEND',
  release: 'RELEASE',
  reverse: 'REVERSE',
  recalculate: null,
}
const operationOf = (c: Called) =>
  c.kind === 'capture' && !c.final ? 'CAPTURE PART' : OPERATIONS[c.kind]

/** What the function for people would have answered. */
function outcomeShown(kind: Called['kind'], rows: Row[]): string[] {
  const [row] = rows as [Row]
  if (row['status'] !== 'ok') {
    const short = rows.find(({ shortfall }) => shortfall !== null)
    return [short ? `${row['status']} ${cents(short['available'])}` : String(row['status'])]
  }
  if (kind === 'hold' || kind === 'extend') {
    return [holdShown({ ...row, status: row['hold_status'] })]
  }
  if (kind === 'release') return [`${stateShown(row)} ${row['replayed']}`]
  if (kind === 'transfer') return rows.map(entryShown)
  if (kind !== 'recalculate') return [entryShown(row)]
  const { user_balance: balance, user_available: available, user_seq: seq } = row
  return [stateShown({ balance, available, seq })]
}

/** In parts, as byBatch does. */
async function byPost({ sql, ids }: Caller, items: Called[]): Promise<Done[]> {
  const done: Done[] = []
  const idOf = (user: number) => ids[user] ?? UNKNOWN_ID
  for (let left = items; left.length > 0;) {
    const rows = await sql`
      select * from ledger.post(
        operations => ${list(left.map(operationOf))}::text[],
        user_ids => ${list(left.map(({ user }) => idOf(user)))}::bigint[],
        amounts => ${
      list(left.map((c) => 'amount' in c && c.amount !== null ? decimal(c.amount) : null))
    }::numeric[],
        peer_user_ids => ${
      list(left.map((c) => c.kind === 'transfer' ? idOf(c.to) : null))
    }::bigint[],
        refs => ${
      list(left.map((c) => 'hold' in c ? c.hold : c.kind === 'reverse' ? c.seq : null))
    }::bigint[],
        expires_ins => ${list(left.map((c) => 'seconds' in c ? c.seconds : null))}::numeric[],
        idempotency_keys => ${list(left.map((c) => 'key' in c ? c.key : null))}::text[])`
    const steps = left.map((command, i) => ({
      command,
      answer: outcomeShown(command.kind, rows.filter(({ n }) => n === i + 1)),
    }))
    left = left.filter((_, i) => isRace(steps[i]!.answer))
    const decided = steps.filter(({ answer }) => !isRace(answer))
    if (decided.length > 0) done.push({ channel: 'batch', steps: decided, undone: false })
  }
  return done
}

const PATHS: Record<string, (c: never) => string> = {
  capture: ({ hold }: { hold: number }) => `/holds/${hold}/capture`,
  extend: ({ hold }: { hold: number }) => `/holds/${hold}/extend`,
  release: ({ hold }: { hold: number }) => `/holds/${hold}/release`,
  reverse: ({ seq }: { seq: number }) => `/history/${seq}/reverse`,
  hold: () => '/holds',
  limit: () => '/credit-limit',
  read: () => '',
}

async function request(url: string, body?: object, key?: string | null) {
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: {
      'Cache-Control': 'no-cache',
      'Content-Type': 'application/json',
      ...(key && { 'Idempotency-Key': key }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const replayed = response.headers.has('Idempotency-Replayed')
  return { replayed, body: await response.json() as Row & { entry?: Row; code?: string } }
}

const refusedShown = ({ code, available }: Row) => {
  const sqlstate = SQLSTATES[code as string] ?? String(code)
  return sqlstate === 'LGFND' ? `${sqlstate} ${cents(available)}` : sqlstate
}
/** Whether an item was a repeat. */
export const UNSAID = '?'
const postedShown = ({ entry, ...snapshot }: Row, replayed: boolean | string) =>
  entryShown({ ...snapshot, ...entry as Row, replayed })

async function byHttp({ url, ids }: Caller, c: Command): Promise<string[]> {
  const id = ids[c.user] ?? UNKNOWN_ID
  const amount = 'amount' in c && c.amount !== null
    ? { [c.kind === 'limit' ? 'credit_limit' : 'amount']: decimal(c.amount) }
    : {}
  const key = 'key' in c ? c.key : null
  const { body, replayed } = c.kind === 'transfer'
    ? await request(`${url}/transfers`, { from: id, to: ids[c.to] ?? UNKNOWN_ID, ...amount }, key)
    : await request(
      `${url}/users/${id}${PATHS[c.kind]?.(c as never) ?? `/${c.kind}`}`,
      c.kind === 'read' ? undefined : {
        ...amount,
        ...('final' in c && { final: c.final }),
        ...('seconds' in c && (c.seconds !== null || c.kind === 'extend') &&
          { expires_in: c.seconds }),
      },
      key,
    )
  if (body.code) return [refusedShown(body)]
  if (c.kind === 'hold' || c.kind === 'extend') return [holdShown({ ...body, replayed })]
  if ('credit_limit' in body) return [controlShown(body)]
  if (c.kind === 'release') return [`${stateShown(body)} ${replayed}`]
  if (c.kind !== 'transfer') {
    return [body.entry ? postedShown(body, replayed) : stateShown(body)]
  }
  return [body['from'], body['to']].map((half) => postedShown(half as Row, replayed))
}

/** Each user's debits in order; those of several users come as they come. */
async function byHttpBatch({ url, ids }: Caller, items: Call['commands']): Promise<Done[]> {
  const done: Done[] = []
  for (let left = items as (Command & { kind: 'debit' })[]; left.length > 0;) {
    const { body } = await request(
      `${url}/debits`,
      left.map(({ user, amount, key }) => ({
        user_id: ids[user] ?? UNKNOWN_ID,
        amount: decimal(amount),
        ...(key && { idempotency_key: key }),
      })),
    )
    const results = body['results'] as (Row & { code?: string })[] | undefined
    const isBusy = (i: number) => results?.[i]?.code === 'busy'
    left.forEach((command, i) => {
      if (isBusy(i)) return
      const result = results?.[i] ?? body
      const answer = result.code ? refusedShown(result) : postedShown(result, UNSAID)
      done.push({ channel: 'http', steps: [{ command, answer: [answer] }], undone: false })
    })
    left = left.filter((_, i) => isBusy(i))
  }
  return done
}

/** Does a call, however often it loses a race. */
export async function perform(caller: Caller, call: Call): Promise<Done[]> {
  if (call.channel === 'batch') return await byBatch(caller, call.commands)
  if (call.channel === 'post') return await byPost(caller, call.commands)
  if (call.channel === 'http batch') return await byHttpBatch(caller, call.commands)
  if (call.channel === 'transaction') {
    const steps = await byTransaction(caller, call.commands, call.undone)
    return [{ channel: 'sql', steps, undone: call.undone }]
  }
  const [command] = call.commands
  const work = call.channel === 'http' ? byHttp : bySql
  const answer = await repeated(() => answered(work(caller, command)))
  return [{ channel: call.channel, steps: [{ command, answer }], undone: false }]
}
