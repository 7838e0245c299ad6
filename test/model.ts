/** What the ledger has to do, in memory and in cents, one operation after the other. */

export type Action = 'CREDIT' | 'DEBIT'
interface Note {
  user: number
  key: string | null
}
export type Item = Note & { amount: bigint }
export type Operation =
  | { kind: 'debit' | 'credit'; user: number; amount: bigint; key: string | null }
  | { kind: 'batch'; items: Item[] }
  | { kind: 'insert'; user: number; action: Action; amount: bigint }
  | { kind: 'recalculate' | 'read' | 'age'; user: number }
  | { kind: 'transfer'; user: number; to: number; amount: bigint; key: string | null }
  | { kind: 'hold'; user: number; amount: bigint; expires: boolean; key: string | null }
  | { kind: 'capture'; user: number; hold: number; amount: bigint | null; key: string | null }
  | { kind: 'release'; user: number; hold: number; key: string | null }
  | { kind: 'reverse'; user: number; seq: number; key: string | null }

export interface Entry {
  seq: number
  action: Action
  amount: bigint
  balance: bigint
  held: bigint
  key: string | null
  hold: number | null
  reverses: number | null
  peer: number | null
  peerSeq: number | null
}

export interface Hold {
  hold: number
  amount: bigint
  status: 'active' | 'captured' | 'released' | 'expired'
  expires: boolean
  available: bigint
  key: string | null
  releaseKey: string | null
  released: string | null
}

export interface Account {
  entries: Entry[]
  pending: { action: Action; amount: bigint }[]
  holds: Hold[]
  changes: number
}

export class Refused extends Error {
  get code() {
    return this.message
  }
}

const MAX_AMOUNT = 999_999_999_999n
const balanceOf = ({ entries }: Account) => entries.at(-1)?.balance ?? 0n
const heldOf = ({ holds }: Account) =>
  holds.reduce((sum, { status, amount }) => status === 'active' ? sum + amount : sum, 0n)
const signed = (action: Action, amount: bigint) => action === 'CREDIT' ? amount : -amount
const PLAIN = { key: null, hold: null, reverses: null, peer: null, peerSeq: null }

/** `seq action amount balance available replayed`, in cents. */
const shown = (e: Entry, replayed: boolean) =>
  `${e.seq} ${e.action} ${e.amount} ${e.balance} ${e.balance - e.held} ${replayed}`

export class Model {
  accounts: Account[]

  constructor(users: number) {
    this.accounts = Array.from({ length: users }, () => ({
      entries: [],
      pending: [],
      holds: [],
      changes: 0,
    }))
  }

  /** What the operation answers; what is refused changes nothing. */
  apply(operation: Operation): string[] {
    const before = structuredClone(this.accounts)
    try {
      return this.#run(operation)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.accounts = before
      return [error.code]
    }
  }

  #run(o: Operation): string[] {
    if (o.kind === 'batch') return this.#batch(o.items)
    if ('amount' in o && o.kind !== 'insert') this.#check(o.amount ?? 1n)
    if (o.kind === 'transfer' && o.user === o.to) throw new Refused('LGSAM')
    const account = this.#account(o.user)
    if (o.kind === 'insert') {
      account.pending.push({ action: o.action, amount: o.amount })
      return []
    }
    if (o.kind === 'age') {
      for (const hold of account.holds) {
        if (hold.expires && hold.status === 'active') hold.status = 'expired'
      }
      return []
    }
    if (o.kind !== 'read') this.#seal(o.user)
    switch (o.kind) {
      case 'read':
      case 'recalculate':
        return [this.#snapshot(account)]
      case 'debit':
      case 'credit':
        return [this.#post(o, o.kind === 'debit' ? 'DEBIT' : 'CREDIT')]
      case 'transfer':
        return this.#transfer(o)
      case 'hold':
        return [this.#hold(o)]
      case 'capture':
        return [this.#capture(o)]
      case 'release':
        return [this.#release(o)]
      case 'reverse':
        return [this.#reverse(o)]
    }
  }

  #check(amount: bigint) {
    if (amount <= 0n || amount > MAX_AMOUNT) throw new Refused('LGAMT')
  }

  #account(user: number): Account {
    const account = this.accounts[user]
    if (!account) throw new Refused('LGUSR')
    return account
  }

  #seal(user: number) {
    const account = this.#account(user)
    for (const { action, amount } of account.pending.splice(0)) {
      this.#append(account, { action, amount }, true)
    }
  }

  #append(
    account: Account,
    given: Partial<Entry> & { action: Action; amount: bigint },
    fact = false,
  ) {
    const [balance, held] = [balanceOf(account), heldOf(account)]
    if (!fact && given.action === 'DEBIT' && given.amount > balance - held) {
      throw new Refused('LGFND')
    }
    const seq = account.entries.length + 1
    const after = balance + signed(given.action, given.amount)
    const entry = { ...PLAIN, ...given, seq, balance: after, held }
    account.entries.push(entry)
    return entry
  }

  #snapshot(a: Account) {
    const [balance, seq] = [balanceOf(a), a.entries.length]
    return `${balance} ${balance - heldOf(a)} ${seq} ${seq + a.changes}`
  }

  /** The entry that has the key, if it `fits`; anything else that has it is another request. */
  #replay({ user, key }: Note, fits: (entry: Entry) => boolean): Entry | undefined {
    const { entries, holds } = this.#account(user)
    if (key === null) return undefined
    const found = entries.find((entry) => entry.key === key)
    const other = holds.some((hold) => hold.key === key || hold.releaseKey === key)
    if (other || (found && !fits(found))) throw new Refused('LGKEY')
    return found
  }

  #post(o: Item, action: Action): string {
    const found = this.#replay(
      o,
      (e) =>
        e.action === action && e.amount === o.amount && !e.hold && !e.reverses && e.peer === null,
    )
    if (found) return shown(found, true)
    return shown(
      this.#append(this.#account(o.user), { action, amount: o.amount, key: o.key }),
      false,
    )
  }

  #batch(items: Item[]): string[] {
    for (const { user } of items) if (this.accounts[user]) this.#seal(user)
    return items.map((item) => {
      const account = this.accounts[item.user]
      try {
        this.#check(item.amount)
        return `ok ${this.#post(item, 'DEBIT')}`
      } catch (error) {
        const balance = account && balanceOf(account)
        const state = account ? `${balance} ${balance! - heldOf(account)}` : 'null null'
        return `${(error as Refused).code} null ${state}`
      }
    })
  }

  #transfer(o: Operation & { kind: 'transfer' }): string[] {
    this.#seal(o.to)
    const [from, to] = [this.#account(o.user), this.#account(o.to)]
    const found = this.#replay(
      o,
      (e) => e.action === 'DEBIT' && e.amount === o.amount && e.peer === o.to && !e.reverses,
    )
    if (found) return [shown(found, true), shown(to.entries[found.peerSeq! - 1]!, true)]
    const [seq, peerSeq] = [from.entries.length + 1, to.entries.length + 1]
    const half = { amount: o.amount }
    const debit = { ...half, action: 'DEBIT', key: o.key, peer: o.to, peerSeq } as const
    const credit = { ...half, action: 'CREDIT', peer: o.user, peerSeq: seq } as const
    return [shown(this.#append(from, debit), false), shown(this.#append(to, credit), false)]
  }

  #hold({ user, amount, expires, key }: Operation & { kind: 'hold' }): string {
    const account = this.#account(user)
    const found = key !== null && account.holds.find((hold) => hold.key === key)
    if (!found) this.#replay({ user, key }, () => false)
    else if (found.amount !== amount || found.expires !== expires) throw new Refused('LGKEY')
    else return `${found.hold} ${amount} active ${found.available} true`
    const available = balanceOf(account) - heldOf(account) - amount
    if (available < 0n) throw new Refused('LGFND')
    const hold = account.holds.length + 1
    const open = { releaseKey: null, released: null, status: 'active' } as const
    account.holds.push({ hold, amount, expires, available, key, ...open })
    account.changes++
    return `${hold} ${amount} active ${available} false`
  }

  #capture(o: Operation & { kind: 'capture' }): string {
    const account = this.#account(o.user)
    const hold = account.holds[o.hold - 1]
    const amount = o.amount ?? hold?.amount
    const found = this.#replay(
      o,
      (e) => hold !== undefined && e.hold === o.hold && e.amount === amount,
    )
    if (found) return shown(found, true)
    if (hold?.status !== 'active') throw new Refused('LGHLD')
    if (amount! > hold.amount) throw new Refused('LGAMT')
    hold.status = 'captured'
    account.changes++
    const debit = { action: 'DEBIT', amount: amount!, key: o.key, hold: o.hold } as const
    return shown(this.#append(account, debit), false)
  }

  #release(o: Operation & { kind: 'release' }): string {
    const account = this.#account(o.user)
    const hold = account.holds[o.hold - 1]
    if (o.key !== null && hold?.releaseKey === o.key) return `${hold.released} true`
    this.#replay(o, () => false)
    if (hold?.status !== 'active') throw new Refused('LGHLD')
    hold.status = 'released'
    hold.releaseKey = o.key
    account.changes++
    const balance = balanceOf(account)
    hold.released = `${balance} ${balance - heldOf(account)} ${account.entries.length}`
    return `${hold.released} false`
  }

  #reverse(o: Operation & { kind: 'reverse' }): string {
    // Whose entry is the other half, has to be known before; what is pending has no other half.
    const account = this.#account(o.user)
    const entry = account.entries[o.seq - 1]
    if (entry && entry.peer !== null) this.#seal(entry.peer)
    const found = this.#replay(o, (e) => e.reverses === o.seq)
    if (found) return shown(found, true)
    if (!entry) throw new Refused('LGENT')
    if (account.entries.some((e) => e.reverses === o.seq)) throw new Refused('LGREV')
    const undo = (e: Entry) => ({
      action: e.action === 'CREDIT' ? 'DEBIT' : 'CREDIT',
      amount: e.amount,
      reverses: e.seq,
      peer: e.peer,
    } as const)
    if (entry.peer === null) {
      return shown(this.#append(account, { ...undo(entry), key: o.key }), false)
    }
    const other = this.#account(entry.peer)
    const half = other.entries[entry.peerSeq! - 1]!
    const [seq, peerSeq] = [account.entries.length + 1, other.entries.length + 1]
    const reversal = this.#append(account, { ...undo(entry), key: o.key, peerSeq })
    this.#append(other, { ...undo(half), peerSeq: seq })
    return shown(reversal, false)
  }
}
