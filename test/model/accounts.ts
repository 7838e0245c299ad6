/** The users of the model, and the rules about what is taken from one of them. */
import type { Account, Entry, Given } from './account.ts'
import type { Key } from './command.ts'

export class Refused extends Error {
  user: number
  constructor(code: string, user: number, available?: bigint) {
    super(available === undefined ? code : `${code} ${available}`)
    this.user = user
  }
}

export class Accounts {
  accounts: Account[]
  constructor(accounts: Account[]) {
    this.accounts = accounts
  }

  account(user: number): Account {
    const account = this.accounts[user]
    if (!account) throw new Refused('LGUSR', user)
    return account
  }

  post(user: number, given: Given): Entry {
    const { balance, held, frozen } = this.account(user)
    if (given.action === 'DEBIT' && frozen) throw new Refused('LGFRZ', user)
    if (given.action === 'DEBIT' && given.amount > balance - held) {
      throw new Refused('LGFND', user, balance - held)
    }
    return this.account(user).append(given)
  }

  /** The entry that has the key, if it `fits`; anything else that has it is another request. */
  find({ user, key }: { user: number } & Key, fits: (entry: Entry) => boolean) {
    if (key === null) return undefined
    const { entries, holds } = this.account(user)
    const found = entries.find((entry) => entry.key === key)
    const isHold = holds.some(({ changes }) => changes.some((change) => change.key === key))
    if (isHold || (found && !fits(found))) throw new Refused('LGKEY', user)
    return found
  }
}
