/**
 * Replays what callers know on the model of the ledger. The database only tells in which order:
 * what happened, and what came of it, has to follow from what was sent.
 */
import { Account, type Command, Model } from '../model/model.ts'
import type { EntryRow, HoldRow, Rows } from './ledger_rows.ts'
import { GROUP } from './load.ts'
import { isDone, lastAnswer, type Write } from './record.ts'

/** Something that happened to a user, by its key; a transfer happens to two. */
interface Happening {
  key: string
  user: number
  seq?: number
  peer?: { user: number; seq: number }
}

/** @returns what doesn't fit together */
export function replay(writes: Write[], rows: Rows, users: number): string[] {
  const byKey = new Map(writes.map((write) => [write.key, write]))
  const violations: string[] = []
  for (let first = 0; first < users; first += GROUP) {
    try {
      violations.push(...replayGroup(byKey, rows, first))
    } catch (error) {
      violations.push(`users ${first} to ${first + GROUP - 1}: ${(error as Error).message}`)
    }
  }
  return violations
}

function replayGroup(byKey: Map<string, Write>, rows: Rows, first: number): string[] {
  const violations: string[] = []
  const model = new Model(Array.from({ length: GROUP }, () => new Account()))
  for (const { key } of orderOf(rows, first)) {
    const write = byKey.get(key)
    if (!write || !isDone(write)) {
      violations.push(`${key} is there, and nobody was told so`)
      continue
    }
    const got = commandsOf(write, first).flatMap((command) => model.apply(command, 'sql'))
    const told = lastAnswer(write) as { rows: string[] }
    // The last word is whether it is a repeat.
    const rows = write.kind === 'insert' ? [] : got.map((row) => row.replace(/ \w+$/, ''))
    const [answered, expected] = [told.rows.join(), rows.join()]
    if (answered !== expected) {
      violations.push(`${write.kind} ${key} was answered ${answered}, the model says ${expected}`)
    }
  }
  return [...violations, ...differences(model, rows, first)]
}

function commandsOf(write: Write, first: number): Command[] {
  const { kind, key, amount, hold, seq, expires } = write
  const user = write.user - first
  switch (kind) {
    case 'transfer':
      return [{ kind, user, to: write.to - first, amount, key }]
    case 'hold':
      return [{ kind, user, amount, seconds: expires ? 86_400 : null, key }]
    case 'capture':
      return [{ kind, user, hold, amount: amount === 0n ? null : amount, final: true, key }]
    case 'release':
      return [{ kind, user, hold, key }]
    case 'reverse':
      return [{ kind, user, seq, amount, key }]
    case 'insert':
      return [{ kind, user, action: 'CREDIT', amount }, { kind: 'recalculate', user }]
    case 'debit':
    case 'credit':
      return [{ kind, user, amount, key }]
  }
}

/** One order of all that happened in a group which is the order of each of its users. */
function orderOf(rows: Rows, first: number): Happening[] {
  const queues = Array.from({ length: GROUP }, (_, n) =>
    happeningsOf(
      rows.entries.filter(({ user }) => user === first + n),
      rows.holds.filter(({ user }) => user === first + n),
    ))
  const order: Happening[] = []
  for (;;) {
    let moved = false
    for (const queue of queues) {
      for (let head = queue[0]; head; head = queue[0]) {
        let { key } = head
        if (head.peer) {
          const other = queues[head.peer.user - first]
          if (!other || other[0]?.seq !== head.peer.seq) break
          // Of the half without a key the other one has it.
          const half = other.shift()!
          key ||= half.key
        }
        queue.shift()
        order.push({ ...head, key })
        moved = true
      }
    }
    if (queues.every((queue) => queue.length === 0)) return order
    if (!moved) throw new Error('the histories of its users have no common order')
  }
}

/**
 * In the order in which they happened to one user. Each entry tells what was held then: amounts
 * are above zero, so that says which holds had been placed between the entry before and this one.
 */
function happeningsOf(entries: EntryRow[], holds: HoldRow[]): Happening[] {
  const happenings: Happening[] = []
  const placed: HoldRow[] = [...holds]
  let held = 0n
  let balance = 0n
  for (let seq = 0; seq <= entries.length; seq++) {
    const next = entries[seq]
    const captured = next?.hold ? holds[next.hold - 1]!.amount : 0n
    const releases = holds.filter(({ releaseSeq }) => releaseSeq === seq)
    const released = releases.reduce((sum, { amount }) => sum + amount, 0n)
    const placements: HoldRow[] = []
    let after = held - released
    const wanted = next && next.held + captured
    while (placed.length > 0 && after !== wanted) {
      placements.push(placed[0]!)
      after += placed.shift()!.amount
    }
    if (next && after !== wanted) throw new Error(`what entry ${seq + 1} had held`)
    const between = interleave(balance, held, placements, releases)
    if (!between) throw new Error(`what was available after entry ${seq}`)
    happenings.push(...between)
    if (!next) break
    held = after - captured
    balance = next.balance
    happenings.push(happeningOf(next))
  }
  return happenings
}

function happeningOf({ user, seq, key, peer, peerSeq }: EntryRow): Happening {
  const other = peer === null ? undefined : { user: peer, seq: peerSeq! }
  return { key: key ?? '', user, seq, ...(other && { peer: other }) }
}

/** The one order of placements and releases in which each left available what it was told. */
function interleave(
  balance: bigint,
  held: bigint,
  placements: HoldRow[],
  releases: HoldRow[],
): Happening[] | undefined {
  const [placed, ...later] = placements
  if (!placed && releases.length === 0) return []
  if (placed && balance - held - placed.amount === placed.available) {
    const rest = interleave(balance, held + placed.amount, later, releases)
    if (rest) return [{ key: placed.key, user: placed.user }, ...rest]
  }
  for (const released of releases) {
    if (placements.includes(released)) continue
    if (balance - held + released.amount !== released.releaseAvailable) continue
    const others = releases.filter((other) => other !== released)
    const rest = interleave(balance, held - released.amount, placements, others)
    if (rest) return [{ key: released.releaseKey!, user: released.user }, ...rest]
  }
  return undefined
}

/** Where the model and the database have something else in the end. */
function differences(model: Model, rows: Rows, first: number): string[] {
  return model.accounts.flatMap(({ entries, holds }, n) => {
    const user = first + n
    const expected = [
      ...entries.map((e) => {
        const peer = e.peer === null ? null : e.peer + first
        const peerSeq = peer === null ? null : e.peerSeq
        const { seq, action, amount, balance, held, hold } = e
        return [seq, action, amount, balance, held, hold, peer, peerSeq].join(' ')
      }),
      ...holds.map(({ amount, status, changes }, i) => {
        const { available, key } = changes[0]!
        return [i + 1, amount, status, available, key].join(' ')
      }),
    ]
    const found = [
      ...rows.entries.filter((e) => e.user === user).map((e) =>
        [e.seq, e.action, e.amount, e.balance, e.held, e.hold, e.peer, e.peerSeq].join(' ')
      ),
      ...rows.holds.filter((h) => h.user === user).map((h) =>
        [h.hold, h.amount, h.status, h.available, h.key].join(' ')
      ),
    ]
    const length = Math.max(expected.length, found.length)
    const at = Array.from({ length }, (_, i) => i).find((i) => expected[i] !== found[i])
    if (at === undefined) return []
    return [`user ${user} has ${found[at]}, the model ${expected[at]}`]
  })
}
