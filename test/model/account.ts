/** A user of the model, with entries and holds. */
import type { Action, Key } from './command.ts'

const PLAIN = { key: null as string | null, hold: null as number | null }
const ALONE = { reverses: null as number | null, peer: null as number | null, peerSeq: 0 }
export type Given = { action: Action; amount: bigint } & Partial<typeof PLAIN & typeof ALONE>
export type Entry = Required<Given> & { seq: number; balance: bigint; held: bigint }
export type Change = Key & {
  action: 'placed' | 'captured' | 'extended' | 'released'
  amount: bigint
  remaining: bigint
  /** When it expires, in seconds from this change; null: never. */
  seconds: number | null
  seq: number
  balance: bigint
  available: bigint
}
export interface Hold {
  amount: bigint
  remaining: bigint
  captured: bigint
  status: 'active' | 'captured' | 'released' | 'expired'
  changes: Change[]
}

/** One user. */
export class Account {
  entries: Entry[] = []
  pending: (Given & { id: number })[] = []
  holds: Hold[] = []
  /** Of holds, and of what follows. */
  changes = 0
  frozen = false
  limit = 0n

  get balance(): bigint {
    return this.entries.at(-1)?.balance ?? 0n
  }
  /** Less the limit. */
  get held(): bigint {
    const none = -this.limit
    return this.holds.reduce((sum, h) => h.status === 'active' ? sum + h.remaining : sum, none)
  }
  /** `balance available seq` */
  get state(): string {
    return `${this.balance} ${this.balance - this.held} ${this.entries.length}`
  }
  /** `frozen limit` */
  control(frozen: boolean, limit: bigint): string {
    if (frozen !== this.frozen || limit !== this.limit) this.changes++
    Object.assign(this, { frozen, limit })
    return `${frozen} ${limit}`
  }
  append(given: Given): Entry {
    const change = given.action === 'CREDIT' ? given.amount : -given.amount
    const [seq, balance] = [this.entries.length + 1, this.balance + change]
    const entry = { ...PLAIN, ...ALONE, ...given, seq, balance, held: this.held }
    this.entries.push(entry)
    return entry
  }
  postPending(): void {
    for (const { action, amount } of this.pending.splice(0)) this.append({ action, amount })
  }
  /** Whichever commits first: what is pending is posted in the order of ids. */
  insert(id: number, { action, amount }: Given): string[] {
    this.pending.push({ id, action, amount })
    this.pending.sort((a, b) => a.id - b.id)
    return [`${id}`]
  }
  /** Writes a change of a hold, with the user as it is then. */
  change(hold: Hold, change: Pick<Change, 'action' | 'amount' | 'key' | 'seconds'>): Change {
    const { balance, held, entries } = this
    const [seq, available] = [entries.length, balance - held]
    const { remaining } = hold
    hold.changes.push({ ...change, remaining, seq, balance, available })
    this.changes++
    return hold.changes.at(-1)!
  }
  copy(): Account {
    const { entries, pending, changes, frozen, limit } = this
    // Entries are never changed.
    const holds = this.holds.map((hold) => ({ ...hold, changes: [...hold.changes] }))
    return Object.assign(new Account(), {
      entries: [...entries],
      pending: [...pending],
      holds,
      changes,
      frozen,
      limit,
    })
  }
}

/** `seq action amount balance available replayed` */
export const shown = (e: Entry, replayed = false) =>
  `${e.seq} ${e.action} ${e.amount} ${e.balance} ${e.balance - e.held} ${replayed}`
