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
type Of<K> = Extract<Command, { kind: K }>
/**
 * A refusal undoes all at the channel sql; the others have posted what was pending all the same.
 */
export type Channel = 'sql' | 'http' | 'batch'

const PLAIN = { key: null as string | null, hold: null as number | null }
const ALONE = { reverses: null as number | null, peer: null as number | null, peerSeq: 0 }
type Given = { action: Action; amount: bigint } & Partial<typeof PLAIN & typeof ALONE>
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
  /** Whichever commits first: what is pending is counted in the order of ids. */
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
        (command.kind === 'capture' || command.kind === 'reverse') && isValid(command.amount)
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
      for (const hold of account.holds) {
        if (hold.changes.at(-1)!.seconds !== null && hold.status === 'active') {
          hold.status = 'expired'
        }
      }
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
    if (c.kind === 'extend') return [this.#extend(c, account)]
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
    const isHold = holds.some(({ changes }) => changes.some((change) => change.key === key))
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

  /** The change of a hold that has the key, if it `fits`; nothing else may have it. */
  #findChange(
    { user, key }: { user: number } & Key,
    fits: (change: Change, hold: number) => boolean,
  ) {
    if (key === null) return undefined
    const { holds } = this.#account(user)
    const all = holds.flatMap(({ changes }, i) =>
      changes.map((change) => ({ change, hold: i + 1 }))
    )
    const found = all.find(({ change }) => change.key === key)
    if (!found) this.#find({ user, key }, () => false)
    else if (!fits(found.change, found.hold)) throw new Refused('LGKEY', user)
    return found
  }

  /** @throws Refused unless there is such a hold, and it is active */
  #active(user: number, n: number): Hold {
    const hold = this.#account(user).holds[n - 1]
    if (!hold) throw new Refused('LGHLU', user)
    if (hold.status !== 'active') throw new Refused('LGHLD', user)
    return hold
  }

  #hold({ user, amount, seconds, key }: Of<'hold'>, account: Account): string {
    const found = this.#findChange(
      { user, key },
      (c) => c.action === 'placed' && c.amount === amount && c.seconds === seconds,
    )
    if (found) return `${found.hold} ${amount} active ${found.change.available} true`
    if (account.frozen) throw new Refused('LGFRZ', user)
    const available = account.balance - account.held - amount
    if (available < 0n) throw new Refused('LGFND', user, available + amount)
    const hold: Hold = { amount, remaining: amount, captured: 0n, status: 'active', changes: [] }
    const n = account.holds.push(hold)
    account.change(hold, { action: 'placed', amount, key, seconds })
    return `${n} ${amount} active ${available} false`
  }

  #capture({ user, hold: n, key, final, ...c }: Of<'capture'>, account: Account): string {
    const isSame = (e: Entry) => {
      const changes = account.holds[n - 1]?.changes ?? []
      const i = changes.findIndex(({ action, seq }) => action === 'captured' && seq === e.seq)
      if (e.hold !== n || i < 0) return false
      const left = changes[i - 1]!.remaining
      return e.amount === (c.amount ?? left) &&
        changes[i]!.remaining === (final ? 0n : left - e.amount)
    }
    const found = this.#find({ user, key }, isSame)
    if (found) return shown(found, true)
    const hold = this.#active(user, n)
    const amount = c.amount ?? hold.remaining
    if (amount > hold.remaining) throw new Refused('LGAMT', user)
    hold.remaining = final ? 0n : hold.remaining - amount
    hold.captured += amount
    if (hold.remaining === 0n) hold.status = 'captured'
    const entry = this.#post(user, { action: 'DEBIT', amount, key, hold: n })
    const { seconds } = hold.changes.at(-1)!
    account.change(hold, { action: 'captured', amount, key: null, seconds })
    return shown(entry)
  }

  #extend({ user, hold: n, key, seconds }: Of<'extend'>, account: Account): string {
    const found = this.#findChange(
      { user, key },
      (c, hold) => c.action === 'extended' && hold === n && c.seconds === seconds,
    )
    const shownOf = ({ amount, available }: Change, replayed: boolean) =>
      `${n} ${amount} active ${available} ${replayed}`
    if (found) return shownOf(found.change, true)
    const hold = this.#active(user, n)
    const before = hold.changes.at(-1)!.seconds
    // The clock has gone on meanwhile.
    if (before === null || seconds !== null && seconds < before) throw new Refused('LGEXP', user)
    const { amount } = hold
    return shownOf(account.change(hold, { action: 'extended', amount, key, seconds }), false)
  }

  #release({ user, hold: n, key }: Of<'release'>, account: Account): string {
    const found = this.#findChange(
      { user, key },
      (c, hold) => c.action === 'released' && hold === n,
    )
    const shownOf = ({ balance, available, seq }: Change, replayed: boolean) =>
      `${balance} ${available} ${seq} ${replayed}`
    if (found) return shownOf(found.change, true)
    const hold = this.#active(user, n)
    const amount = hold.remaining
    Object.assign(hold, { status: 'released', remaining: 0n })
    const { seconds } = hold.changes.at(-1)!
    return shownOf(account.change(hold, { action: 'released', amount, key, seconds }), false)
  }

  #reverse({ user, seq, key, ...c }: Of<'reverse'>, account: Account): string {
    const entry = account.entries[seq - 1]
    const other = entry && entry.peer !== null ? this.#account(entry.peer) : undefined
    other?.postPending()
    /** What was not reversed before an entry. */
    const leftBefore = (before: number) =>
      account.entries.filter((e) => e.reverses === seq && e.seq < before)
        .reduce((left, e) => left - e.amount, entry?.amount ?? 0n)
    const found = this.#find(
      { user, key },
      (e) => e.reverses === seq && e.amount === (c.amount ?? leftBefore(e.seq)),
    )
    if (found) return shown(found, true)
    if (!entry) throw new Refused('LGENT', user)
    const left = leftBefore(Infinity)
    if (left === 0n) throw new Refused('LGREV', user)
    const amount = c.amount ?? left
    if (amount > left) throw new Refused('LGAMT', user)
    const { action, peer, peerSeq } = entry
    const undo = { action: opposite(action), amount, key, reverses: seq, peer } as const
    if (!other) return shown(this.#post(user, undo))
    const [own, others] = [account.entries.length + 1, other.entries.length + 1]
    const reversal = this.#post(user, { ...undo, peerSeq: others })
    const half = { action, amount, reverses: peerSeq, peer: user, peerSeq: own }
    this.#post(peer!, half)
    return shown(reversal)
  }
}
