/** What the model does with two entries at once: transfers and reversals. */
import { type Account, shown } from './account.ts'
import { type Accounts, Refused } from './accounts.ts'
import type { Action, Of } from './command.ts'

const opposite = (action: Action) => action === 'CREDIT' ? 'DEBIT' : 'CREDIT'

export function transfer(accounts: Accounts, c: Of<'transfer'>, from: Account): string[] {
  const to = accounts.account(c.to)
  to.postPending()
  const found = accounts.find(
    c,
    (e) => e.action === 'DEBIT' && e.amount === c.amount && e.peer === c.to && !e.reverses,
  )
  if (found) return [shown(found, true), shown(to.entries[found.peerSeq - 1]!, true)]
  const [seq, peerSeq] = [from.entries.length + 1, to.entries.length + 1]
  const { amount, key } = c
  const debit = accounts.post(c.user, { action: 'DEBIT', amount, key, peer: c.to, peerSeq })
  const credit = accounts.post(c.to, { action: 'CREDIT', amount, peer: c.user, peerSeq: seq })
  return [shown(debit), shown(credit)]
}

export function reverse(
  accounts: Accounts,
  { user, seq, key, ...c }: Of<'reverse'>,
  account: Account,
): string {
  const entry = account.entries[seq - 1]
  const other = entry && entry.peer !== null ? accounts.account(entry.peer) : undefined
  other?.postPending()
  /** What was not reversed before an entry. */
  const leftBefore = (before: number) =>
    account.entries.filter((e) => e.reverses === seq && e.seq < before)
      .reduce((left, e) => left - e.amount, entry?.amount ?? 0n)
  const found = accounts.find(
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
  if (!other) return shown(accounts.post(user, undo))
  const [own, others] = [account.entries.length + 1, other.entries.length + 1]
  const reversal = accounts.post(user, { ...undo, peerSeq: others })
  const half = { action, amount, reverses: peerSeq, peer: user, peerSeq: own }
  accounts.post(peer!, half)
  return shown(reversal)
}
