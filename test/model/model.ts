/** What the ledger has to do, in memory and in cents, one command after the other. */
import type { Channel, Command } from './command.ts'
import { shown } from './account.ts'
import { Accounts, Refused } from './accounts.ts'
import { captureHold, extendHold, placeHold, releaseHold } from './model_holds.ts'
import { reverse, transfer } from './model_pairs.ts'

const isValid = (amount: bigint | null) =>
  amount === null || amount > 0n && amount <= 999_999_999_999n
const HTTP_REFUSES = new Set(['LGAMT'])

export class Model extends Accounts {
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
    const account = this.account(c.user)
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
    if (c.kind === 'transfer') return transfer(this, c, account)
    if (c.kind === 'hold') return [placeHold(this, c, account)]
    if (c.kind === 'capture') return [captureHold(this, c, account)]
    if (c.kind === 'extend') return [extendHold(this, c, account)]
    if (c.kind === 'release') return [releaseHold(this, c, account)]
    if (c.kind === 'reverse') return [reverse(this, c, account)]
    const given = { action: c.kind === 'debit' ? 'DEBIT' : 'CREDIT', amount: c.amount } as const
    const found = this.find(
      c,
      (e) =>
        e.action === given.action && e.amount === c.amount && !e.hold && !e.reverses &&
        e.peer === null,
    )
    return [found ? shown(found, true) : shown(this.post(c.user, { ...given, key: c.key }))]
  }
}
