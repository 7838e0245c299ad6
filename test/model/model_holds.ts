/** What the model does with holds. */
import { type Account, type Change, type Entry, type Hold, shown } from './account.ts'
import { type Accounts, Refused } from './accounts.ts'
import type { Key, Of } from './command.ts'

/** The change of a hold that has the key, if it `fits`; nothing else may have it. */
function findChange(
  accounts: Accounts,
  { user, key }: { user: number } & Key,
  fits: (change: Change, hold: number) => boolean,
) {
  if (key === null) return undefined
  const { holds } = accounts.account(user)
  const all = holds.flatMap(({ changes }, i) => changes.map((change) => ({ change, hold: i + 1 })))
  const found = all.find(({ change }) => change.key === key)
  if (!found) accounts.find({ user, key }, () => false)
  else if (!fits(found.change, found.hold)) throw new Refused('LGKEY', user)
  return found
}

/** @throws Refused unless there is such a hold, and it is active */
function activeHold(accounts: Accounts, user: number, n: number): Hold {
  const hold = accounts.account(user).holds[n - 1]
  if (!hold) throw new Refused('LGHLU', user)
  if (hold.status !== 'active') throw new Refused('LGHLD', user)
  return hold
}

export function placeHold(
  accounts: Accounts,
  { user, amount, seconds, key }: Of<'hold'>,
  account: Account,
): string {
  const found = findChange(
    accounts,
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

export function captureHold(
  accounts: Accounts,
  { user, hold: n, key, final, ...c }: Of<'capture'>,
  account: Account,
): string {
  const isSame = (e: Entry) => {
    const changes = account.holds[n - 1]?.changes ?? []
    const i = changes.findIndex(({ action, seq }) => action === 'captured' && seq === e.seq)
    if (e.hold !== n || i < 0) return false
    const left = changes[i - 1]!.remaining
    return e.amount === (c.amount ?? left) &&
      changes[i]!.remaining === (final ? 0n : left - e.amount)
  }
  const found = accounts.find({ user, key }, isSame)
  if (found) return shown(found, true)
  const hold = activeHold(accounts, user, n)
  const amount = c.amount ?? hold.remaining
  if (amount > hold.remaining) throw new Refused('LGAMT', user)
  hold.remaining = final ? 0n : hold.remaining - amount
  hold.captured += amount
  if (hold.remaining === 0n) hold.status = 'captured'
  const entry = accounts.post(user, { action: 'DEBIT', amount, key, hold: n })
  const { seconds } = hold.changes.at(-1)!
  account.change(hold, { action: 'captured', amount, key: null, seconds })
  return shown(entry)
}

export function extendHold(
  accounts: Accounts,
  { user, hold: n, key, seconds }: Of<'extend'>,
  account: Account,
): string {
  const found = findChange(
    accounts,
    { user, key },
    (c, hold) => c.action === 'extended' && hold === n && c.seconds === seconds,
  )
  const shownOf = ({ amount, available }: Change, replayed: boolean) =>
    `${n} ${amount} active ${available} ${replayed}`
  if (found) return shownOf(found.change, true)
  const hold = activeHold(accounts, user, n)
  const before = hold.changes.at(-1)!.seconds
  // The clock has gone on meanwhile.
  if (before === null || seconds !== null && seconds < before) throw new Refused('LGEXP', user)
  const { amount } = hold
  return shownOf(account.change(hold, { action: 'extended', amount, key, seconds }), false)
}

export function releaseHold(
  accounts: Accounts,
  { user, hold: n, key }: Of<'release'>,
  account: Account,
): string {
  const found = findChange(
    accounts,
    { user, key },
    (c, hold) => c.action === 'released' && hold === n,
  )
  const shownOf = ({ balance, available, seq }: Change, replayed: boolean) =>
    `${balance} ${available} ${seq} ${replayed}`
  if (found) return shownOf(found.change, true)
  const hold = activeHold(accounts, user, n)
  const amount = hold.remaining
  Object.assign(hold, { status: 'released', remaining: 0n })
  const { seconds } = hold.changes.at(-1)!
  return shownOf(account.change(hold, { action: 'released', amount, key, seconds }), false)
}
