/** What the ledger has to do, in memory and in cents, one command after the other. */

export type Action = 'CREDIT' | 'DEBIT'
type Key = { key: string | null }
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
    | { kind: 'hold'; amount: bigint; expires: boolean } & Key
    | { kind: 'capture'; hold: number; amount: bigint | null } & Key
    | { kind: 'release'; hold: number } & Key
    | { kind: 'reverse'; seq: number } & Key
    | { kind: 'freeze' }
    | { kind: 'thaw' }
    | { kind: 'limit'; amount: bigint }
  )
type Of<K> = Extract<Command, { kind: K }>
/**
 * A refusal undoes all at the channel sql; the others have posted what was pending all the same.
 */
export type Channel = 'sql' | 'http' | 'batch'

const PLAIN = { key: null as string | null, hold: null as number | null }
const ALONE = { reverses: null as number | null, peer: null as number | null, peerSeq: 0 }
type Given = { action: Action; amount: bigint } & Partial<typeof PLAIN & typeof ALONE>
export type Entry = Required<Given> & { seq: number; balance: bigint; held: bigint }
export type Hold = Key & {
  amount: bigint
  status: 'active' | 'captured' | 'released' | 'expired'
  expires: boolean
  available: bigint
  releaseKey: string | null
  released: string
}

class Refused extends Error {
  user: number
  constructor(code: string, user: number, available?: bigint) {
    super(available === undefined ? code : `${code} ${available}`)
    this.user = user
  }
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
    return this.holds.reduce((sum, h) => h.status === 'active' ? sum + h.amount : sum, none)
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
  /** Whichever commits first: what is pending is counted in the order of ids. */
  insert(id: number, { action, amount }: Given): string[] {
    this.pending.push({ id, action, amount })
    this.pending.sort((a, b) => a.id - b.id)
    return [`${id}`]
  }
  copy(): Account {
    const { entries, pending, changes, frozen, limit } = this
    // Entries are never changed.
    const holds = this.holds.map((hold) => ({ ...hold }))
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
const shown = (e: Entry, replayed = false) =>
  `${e.seq} ${e.action} ${e.amount} ${e.balance} ${e.balance - e.held} ${replayed}`
const opposite = (action: Action) => action === 'CREDIT' ? 'DEBIT' : 'CREDIT'

const isValid = (amount: bigint | null) =>
  amount === null || amount > 0n && amount <= 999_999_999_999n
const HTTP_REFUSES = new Set(['LGAMT'])

export class Model {
  accounts: Account[]
  constructor(accounts: Account[]) {
    this.accounts = accounts
  }
  copy(): Model {
    return new Model(this.accounts.map((account) => account.copy()))
  }

  /** What the command answers; what is refused changes nothing but what its channel has posted. */
  apply(command: Command, channel: Channel): string[] {
    const before = this.copy()
    try {
      return this.#run(command)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.accounts = before.accounts
      // What HTTP refuses by itself, nobody asks the ledger.
      const isAsked = channel === 'batch' || !HTTP_REFUSES.has(error.message) ||
        command.kind === 'capture' && isValid(command.amount)
      if (channel !== 'sql' && isAsked) {
        for (const id of this.#usersOf(command)) this.#postPending(id)
      }
      return [error.message]
    }
  }

  /** Everybody whom the command names, by itself or by its entry. */
  #usersOf(command: Command): (number | null)[] {
    if (command.kind === 'transfer') return [command.user, command.to]
    if (command.kind !== 'reverse') return [command.user]
    return [command.user, this.accounts[command.user]?.entries[command.seq - 1]?.peer ?? null]
  }

  #postPending(user: number | null): void {
    if (user !== null) this.accounts[user]?.postPending()
  }

  #run(c: Command): string[] {
    const isAllowed = c.kind === 'limit' && c.amount === 0n
    if ('amount' in c && !isAllowed && !isValid(c.amount)) throw new Refused('LGAMT', c.user)
    if (c.kind === 'transfer' && c.user === c.to) throw new Refused('LGSAM', c.user)
    const account = this.#account(c.user)
    if (c.kind === 'insert') return account.insert(c.id ?? 0, c)
    if (c.kind === 'age') {
      for (const h of account.holds) if (h.expires && h.status === 'active') h.status = 'expired'
      return []
    }
    if (c.kind !== 'read') account.postPending()
    if (c.kind === 'freeze' || c.kind === 'thaw') {
      return [account.control(c.kind === 'freeze', account.limit)]
    }
    if (c.kind === 'limit') return [account.control(account.frozen, c.amount)]
    if (c.kind === 'read' || c.kind === 'recalculate') return [account.state]
    if (c.kind === 'transfer') return this.#transfer(c, account)
    if (c.kind === 'hold') return [this.#hold(c, account)]
    if (c.kind === 'capture') return [this.#capture(c, account)]
    if (c.kind === 'release') return [this.#release(c, account)]
    if (c.kind === 'reverse') return [this.#reverse(c, account)]
    const given = { action: c.kind === 'debit' ? 'DEBIT' : 'CREDIT', amount: c.amount } as const
    const found = this.#find(
      c,
      (e) =>
        e.action === given.action && e.amount === c.amount && !e.hold && !e.reverses &&
        e.peer === null,
    )
    return [found ? shown(found, true) : shown(this.#post(c.user, { ...given, key: c.key }))]
  }

  #account(user: number): Account {
    const account = this.accounts[user]
    if (!account) throw new Refused('LGUSR', user)
    return account
  }

  #post(user: number, given: Given): Entry {
    const { balance, held, frozen } = this.#account(user)
    if (given.action === 'DEBIT' && frozen) throw new Refused('LGFRZ', user)
    if (given.action === 'DEBIT' && given.amount > balance - held) {
      throw new Refused('LGFND', user, balance - held)
    }
    return this.#account(user).append(given)
  }

  /** The entry that has the key, if it `fits`; anything else that has it is another request. */
  #find({ user, key }: { user: number } & Key, fits: (entry: Entry) => boolean) {
    if (key === null) return undefined
    const { entries, holds } = this.#account(user)
    const found = entries.find((entry) => entry.key === key)
    const isHold = holds.some((hold) => hold.key === key || hold.releaseKey === key)
    if (isHold || (found && !fits(found))) throw new Refused('LGKEY', user)
    return found
  }

  #transfer(c: Of<'transfer'>, from: Account): string[] {
    const to = this.#account(c.to)
    to.postPending()
    const found = this.#find(
      c,
      (e) => e.action === 'DEBIT' && e.amount === c.amount && e.peer === c.to && !e.reverses,
    )
    if (found) return [shown(found, true), shown(to.entries[found.peerSeq - 1]!, true)]
    const [seq, peerSeq] = [from.entries.length + 1, to.entries.length + 1]
    const { amount, key } = c
    const debit = this.#post(c.user, { action: 'DEBIT', amount, key, peer: c.to, peerSeq })
    const credit = this.#post(c.to, { action: 'CREDIT', amount, peer: c.user, peerSeq: seq })
    return [shown(debit), shown(credit)]
  }

  #hold({ user, amount, expires, key }: Of<'hold'>, account: Account): string {
    const n = key === null ? -1 : account.holds.findIndex((hold) => hold.key === key)
    const found = account.holds[n]
    if (!found) this.#find({ user, key }, () => false)
    else if (found.amount !== amount || found.expires !== expires) throw new Refused('LGKEY', user)
    else return `${n + 1} ${amount} active ${found.available} true`
    if (account.frozen) throw new Refused('LGFRZ', user)
    const available = account.balance - account.held - amount
    if (available < 0n) throw new Refused('LGFND', user, available + amount)
    const open = { releaseKey: null, released: '', status: 'active' } as const
    const hold = account.holds.push({ amount, expires, available, key, ...open })
    account.changes++
    return `${hold} ${amount} active ${available} false`
  }

  #capture({ user, hold: n, key, ...c }: Of<'capture'>, account: Account): string {
    const hold = account.holds[n - 1]
    const amount = c.amount ?? hold?.amount ?? 0n
    const found = this.#find({ user, key }, (e) => e.hold === n && e.amount === amount)
    if (found) return shown(found, true)
    if (!hold) throw new Refused('LGHLU', user)
    if (hold.status !== 'active') throw new Refused('LGHLD', user)
    if (amount > hold.amount) throw new Refused('LGAMT', user)
    hold.status = 'captured'
    account.changes++
    return shown(this.#post(user, { action: 'DEBIT', amount, key, hold: n }))
  }

  #release({ user, hold: n, key }: Of<'release'>, account: Account): string {
    const hold = account.holds[n - 1]
    if (key !== null && hold?.releaseKey === key) return `${hold.released} true`
    this.#find({ user, key }, () => false)
    if (!hold) throw new Refused('LGHLU', user)
    if (hold.status !== 'active') throw new Refused('LGHLD', user)
    Object.assign(hold, { status: 'released', releaseKey: key })
    account.changes++
    hold.released = account.state
    return `${hold.released} false`
  }

  #reverse({ user, seq, key }: Of<'reverse'>, account: Account): string {
    const entry = account.entries[seq - 1]
    const other = entry && entry.peer !== null ? this.#account(entry.peer) : undefined
    other?.postPending()
    const found = this.#find({ user, key }, (e) => e.reverses === seq)
    if (found) return shown(found, true)
    if (!entry) throw new Refused('LGENT', user)
    if (account.entries.some((e) => e.reverses === seq)) throw new Refused('LGREV', user)
    const { action, amount, peer, peerSeq } = entry
    const undo = { action: opposite(action), amount, key, reverses: seq, peer } as const
    if (!other) return shown(this.#post(user, undo))
    const [own, others] = [account.entries.length + 1, other.entries.length + 1]
    const reversal = this.#post(user, { ...undo, peerSeq: others })
    const half = { action, amount, reverses: peerSeq, peer: user, peerSeq: own }
    this.#post(peer!, half)
    return shown(reversal)
  }
}
