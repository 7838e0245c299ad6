/** What was sent, and what was answered: all that a caller knows. */

export type Kind =
  | 'debit'
  | 'credit'
  | 'transfer'
  | 'hold'
  | 'capture'
  | 'release'
  | 'reverse'
  | 'insert'

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
  /** Of a capture or release: which; of a hold, once it is known: its number. */
  hold: number
  /** Of a reversal: of which entry. */
  seq: number
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
}

/** `seq action amount balance available`, as the model has it. */
export const entryRow = (entry: Row, { balance, available }: Row): string =>
  `${entry.seq} ${entry.action} ${cents(entry.amount)} ${cents(balance)} ${cents(available)}`

export const holdRow = ({ hold, amount, status, available }: Row): string =>
  `${hold} ${cents(amount)} ${status} ${cents(available)}`

export const releaseRow = ({ balance, available, seq }: Row): string =>
  `${cents(balance)} ${cents(available)} ${seq}`

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
