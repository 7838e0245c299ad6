/** Commands of the model in SQL, by the functions for people, in transactions and in batches. */
import { ageHolds } from '../support/holds.ts'
import { one } from '../support/ledger.ts'
import type { Command } from './command.ts'
import {
  type Call,
  type Called,
  type Caller,
  cents,
  controlShown,
  decimal,
  type Done,
  holdShown,
  isRace,
  type Row,
  stateShown,
  UNKNOWN_ID,
} from './call.ts'

export const SQLSTATES: Record<string, string> = {
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
export const entryShown = (row: Row) =>
  `${row['seq']} ${row['action']} ${cents(row['amount'])} ${cents(row['balance'])} ` +
  `${cents(row['available'])} ${row['replayed']}`

export async function bySql(caller: Caller, c: Command): Promise<string[]> {
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
export async function answered(work: Promise<string[]>): Promise<string[]> {
  try {
    return await work
  } catch (error) {
    const { code, detail } = error as { code?: string; detail?: string }
    const [, available] = /^Available is (\S+),/.exec(detail ?? '') ?? []
    if (code === undefined) throw error
    return [code === 'LGFND' ? `${code} ${cents(available)}` : code]
  }
}

export async function byTransaction(caller: Caller, commands: Command[], undone: boolean) {
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
export async function byBatch({ sql, ids }: Caller, items: Call['commands']): Promise<Done[]> {
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
export async function byPost({ sql, ids }: Caller, items: Called[]): Promise<Done[]> {
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
