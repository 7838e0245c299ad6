/** What was sent, and what was answered: all that a caller knows. */

export type Kind =
  | 'debit'
  | 'credit'
  | 'transfer'
  | 'hold'
  | 'capture'
  | 'extend'
  | 'release'
  | 'reverse'
  | 'freeze'
  | 'thaw'
  | 'limit'
  | 'insert'

/** They take no key, so whoever repeats one looks first whether it is there. */
export const UNKEYED: Kind[] = ['freeze', 'thaw', 'limit', 'insert']

/** One write with its key. Users are numbered from 0; amounts are in cents. */
export interface Write {
  key: string
  channel: 'http' | 'sql'
  kind: Kind
  user: number
  /** Of a transfer. */
  to: number
  /** Of a capture 0: all of it. */
  amount: bigint
  /** Of what is done to a hold: which. */
  hold: number
  /** Of a capture: nothing stays held. */
  final: boolean
  /** Of a reversal: of which entry. */
  seq: number
  /** Of a hold or an extension: after `EXPIRES_IN`. Otherwise never. */
  expires: boolean
  /** Another write in the same transaction. */
  with?: string
  answers: Answer[]
}

export type Answer =
  /** Each row of the answer in the words of the model, but for whether it is a repeat. */
  | { end: 'done'; replayed: boolean; rows: string[]; seqs: number[] }
  /** Nothing was done. */
  | { end: 'refused'; code: string }
  /** Perhaps it was, perhaps it wasn't. */
  | { end: 'unknown'; why: string }

export const lastAnswer = ({ answers }: Write): Answer | undefined => answers.at(-1)
export const isUnknown = (write: Write): boolean => lastAnswer(write)?.end === 'unknown'
export const isDone = (write: Write): boolean => lastAnswer(write)?.end === 'done'
/** Whether any try of it was left without an answer. */
export const wasUnknown = ({ answers }: Write): boolean =>
  answers.some(({ end }) => end === 'unknown')

/** What is in every key, for the network to know writes by. */
export const MARK = 'flt-'

/** Seconds, of what is placed and of what is extended: later. */
export const EXPIRES_IN = { hold: 86_400, extend: 172_800 }

export const cents = (decimal: string): bigint => BigInt(decimal.replace('.', ''))

export function decimal(amount: bigint): string {
  const digits = String(amount < 0n ? -amount : amount).padStart(3, '0')
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}

/** What the rows and bodies of answers have, each some of it. */
export interface Row {
  seq: number | string
  action: string
  amount: string
  balance: string
  available: string
  hold: number | string
  status: string
  frozen_at: string | null
  credit_limit: string
}

/** `seq action amount balance available`, as the model has it. */
export const entryRow = (entry: Row, { balance, available }: Row): string =>
  `${entry.seq} ${entry.action} ${cents(entry.amount)} ${cents(balance)} ${cents(available)}`

const holdRow = ({ hold, amount, status, available }: Row): string =>
  `${hold} ${cents(amount)} ${status} ${cents(available)}`

const releaseRow = ({ balance, available, seq }: Row): string =>
  `${cents(balance)} ${cents(available)} ${seq}`

/** `frozen limit` */
const controlRow = ({ frozen_at, credit_limit }: Row): string =>
  `${frozen_at !== null} ${cents(credit_limit)}`

/** What answers that aren't entries are in the words of the model. */
export const PLAIN_ROWS: { [kind in Kind]?: (row: Row) => string } = {
  hold: holdRow,
  extend: holdRow,
  release: releaseRow,
  freeze: controlRow,
  thaw: controlRow,
  limit: controlRow,
}

/** Everything that a scenario's callers know together. */
export interface Record {
  /** Of each user, by number. */
  ids: number[]
  writes: Write[]
  reads: Read[]
  /** What must not happen at any time. */
  violations: Set<string>
  /** By why an answer was refused or unknown. */
  reasons: Map<string, number>
  slowest_ms: number
}

/** A snapshot that was read over HTTP. */
export interface Read {
  user: number
  /** Which instance. */
  url: string
  /** The highest that this instance had acknowledged before. */
  atLeastSeq: number
  seq: number
  balance: string
  available: string
}

export function count(record: Record, reason: string): void {
  record.reasons.set(reason, (record.reasons.get(reason) ?? 0) + 1)
}
