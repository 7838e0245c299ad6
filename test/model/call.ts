/** Calls of several commands, and how what they answer is written. */
import type postgres from 'postgres'
import type { Channel, Command } from './command.ts'

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

export const UNKNOWN_ID = 999_999
/** Nothing was done; it may be tried again. */
const RACES = new Set(['55P03', '40P01', '40001', 'busy'])

export const decimal = (amount: bigint) => {
  const digits = String(amount < 0n ? -amount : amount).padStart(3, '0')
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}

export const cents = (text: unknown): string =>
  String(text).replace('.', '').replace(/^(-?)0+(?=\d)/, '$1')

export type Row = postgres.Row
export const stateShown = (row: Row) =>
  `${cents(row['balance'])} ${cents(row['available'])} ${row['seq']}`
export const controlShown = (row: Row) =>
  `${row['frozen_at'] !== null} ${cents(row['credit_limit'])}`
export const holdShown = (row: Row) =>
  `${row['hold']} ${cents(row['amount'])} ${row['status']} ${cents(row['available'])} ${
    row['replayed']
  }`

export const isRace = (answer: string[]) => RACES.has(answer[0]!)
