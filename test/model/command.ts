/** What is done to the ledger and to the model of it, and through what. */
/** What the ledger has to do, in memory and in cents, one command after the other. */

export type Action = 'CREDIT' | 'DEBIT'
export type Key = { key: string | null }
export type Command =
  & { user: number }
  & (
    | { kind: 'debit' | 'credit'; amount: bigint } & Key
    /** `id`: once it is known. */
    | { kind: 'insert'; action: Action; amount: bigint; id?: number }
    | { kind: 'recalculate' }
    | { kind: 'read' }
    | { kind: 'age' }
    | { kind: 'transfer'; to: number; amount: bigint } & Key
    /** `seconds`: when it expires; null: never. */
    | { kind: 'hold'; amount: bigint; seconds: number | null } & Key
    | { kind: 'capture'; hold: number; amount: bigint | null; final: boolean } & Key
    | { kind: 'extend'; hold: number; seconds: number | null } & Key
    | { kind: 'release'; hold: number } & Key
    | { kind: 'reverse'; seq: number; amount: bigint | null } & Key
    | { kind: 'freeze' }
    | { kind: 'thaw' }
    | { kind: 'limit'; amount: bigint }
  )
export type Of<K> = Extract<Command, { kind: K }>
/**
 * A refusal undoes all at the channel sql; the others have posted what was pending all the same.
 */
export type Channel = 'sql' | 'http' | 'batch'
