/** What callers write next: by chance, and by what they have been told. */
import { type Answer, type Kind, MARK, type Write } from './record.ts'

/** Transfers stay within a group, so that each group can be replayed for itself. */
export const GROUP = 3
export const USERS = 16 * GROUP

export const BLANK = { to: -1, hold: 0, final: true, seq: 0, expires: false }

/** A hold that is known to be there and that nobody has tried to close. */
interface OpenHold {
  user: number
  hold: number
  /** What is left of it. */
  amount: bigint
  expires: boolean
}

/** A debit or credit that nobody has tried to reverse. */
interface PostedEntry {
  user: number
  seq: number
  amount: bigint
}

/** What all callers know together. */
export class Known {
  readonly open: OpenHold[] = []
  readonly posted: PostedEntry[] = []
  /** Nobody else has tried to freeze or to thaw them, so that it changes something. */
  readonly thawed = Array.from({ length: USERS }, (_, user) => user)
  readonly frozen: number[] = []
  /** The highest that anybody has tried: each tries another, so that it changes something. */
  limit = 0n
  /** What will be left of a hold. */
  readonly #left = new WeakMap<Write, OpenHold>()

  leaves(write: Write, left: OpenHold): Write {
    this.#left.set(write, left)
    return write
  }

  learn(write: Write, answer: Answer): void {
    // Who knows whether a write without an answer was done?
    if (answer.end === 'unknown') return
    const { kind, user, amount, expires } = write
    const isDone = answer.end === 'done'
    if (kind === 'freeze' || kind === 'thaw') {
      const users = isDone === (kind === 'freeze') ? this.frozen : this.thawed
      users.push(user)
    }
    if (!isDone) return
    const left = this.#left.get(write)
    if (left) this.open.push(left)
    if (kind === 'hold') {
      this.open.push({ user, amount, hold: parseInt(answer.rows[0]!), expires })
    }
    if (kind === 'debit' || kind === 'credit') {
      this.posted.push({ user, amount, seq: answer.seqs[0]! })
    }
  }
}

/** One caller. */
export class Chooser {
  readonly #name: string
  readonly #channel: Write['channel']
  readonly #known: Known
  readonly #random: () => number
  readonly #choices: [weight: number, choose: () => Write[]][]
  #n = 0

  constructor(name: string, channel: Write['channel'], known: Known, random: () => number) {
    this.#name = name
    this.#channel = channel
    this.#known = known
    this.#random = random
    this.#choices = [
      [28, () => [this.#debit()]],
      [22, () => [this.#write('credit', { amount: this.#amount(18_00) })]],
      [16, () => [this.#transfer()]],
      [14, () => [this.#hold()]],
      [10, () => [this.#capture()]],
      [4, () => [this.#extend()]],
      [6, () => [this.#release()]],
      [6, () => [this.#reverse()]],
      [2, () => [this.#control('freeze', this.#known.thawed)]],
      [6, () => [this.#control('thaw', this.#known.frozen)]],
      [2, () => [this.#write('limit', { amount: this.#known.limit += 25n })]],
      [4, () => Array.from({ length: 3 }, () => this.#debit())],
      [channel === 'sql' ? 12 : 0, () => [this.#insert()]],
      [channel === 'sql' ? 6 : 0, () => this.#together()],
    ]
  }

  choose(): Write[] {
    const total = this.#choices.reduce((sum, [weight]) => sum + weight, 0)
    let at = this.#random() * total
    return this.#choices.find(([weight]) => (at -= weight) < 0)![1]()
  }

  #whole(below: number): number {
    return Math.floor(this.#random() * below)
  }

  #amount(most: number): bigint {
    return BigInt(1 + this.#whole(most))
  }

  #take<T>(list: T[]): T | undefined {
    return list.splice(this.#whole(list.length), 1)[0]
  }

  #write(kind: Kind, given: Partial<Write>): Write {
    const key = `${MARK}${this.#name}-${this.#n++}`
    const user = this.#whole(USERS)
    const channel = this.#channel
    return { ...BLANK, key, channel, kind, user, amount: 0n, answers: [], ...given }
  }

  #debit(): Write {
    return this.#write('debit', { amount: this.#amount(15_00) })
  }

  #insert(): Write {
    return this.#write('insert', { amount: this.#amount(10_00) })
  }

  #transfer(): Write {
    const user = this.#whole(USERS)
    const to = user - user % GROUP + (user + 1 + this.#whole(GROUP - 1)) % GROUP
    return this.#write('transfer', { user, to, amount: this.#amount(15_00) })
  }

  #hold(): Write {
    return this.#write('hold', { amount: this.#amount(8_00), expires: this.#random() < 0.5 })
  }

  /** All of a hold, or a part that ends it, or a part that others may follow. */
  #capture(): Write {
    const found = this.#take(this.#known.open)
    if (!found) return this.#debit()
    const { user, hold, amount } = found
    const chance = this.#random()
    if (chance < 0.3) return this.#write('capture', { user, hold })
    const part = 1n + amount / 2n
    const final = chance < 0.6 || part >= amount
    const write = this.#write('capture', { user, hold, amount: part, final })
    return final ? write : this.#known.leaves(write, { ...found, amount: amount - part })
  }

  /** Others may do so, and may close it meanwhile. */
  #extend(): Write {
    const found = this.#known.open.filter(({ expires }) => expires)
    const open = found[this.#whole(found.length)]
    if (!open) return this.#debit()
    const { user, hold } = open
    return this.#write('extend', { user, hold, expires: this.#random() < 0.8 })
  }

  #release(): Write {
    const found = this.#take(this.#known.open)
    if (!found) return this.#debit()
    const { user, hold } = found
    return this.#write('release', { user, hold })
  }

  /** A part of an entry, or all of it. */
  #reverse(): Write {
    const found = this.#take(this.#known.posted)
    if (!found) return this.#debit()
    const part = this.#random() < 0.5 ? 1n + found.amount / 2n : found.amount
    return this.#write('reverse', { ...found, amount: part })
  }

  #control(kind: 'freeze' | 'thaw', users: number[]): Write {
    const user = this.#take(users)
    return user === undefined ? this.#debit() : this.#write(kind, { user })
  }

  /** In one transaction. */
  #together(): Write[] {
    const insert = this.#insert()
    const taken = this.#write('debit', {
      user: insert.user,
      amount: this.#amount(10_00),
      with: insert.key,
    })
    return [{ ...insert, with: taken.key }, taken]
  }
}
