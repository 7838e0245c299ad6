/**
 * Replays what callers know on the model of the ledger. The database only tells in which order:
 * what happened, and what came of it, has to follow from what was sent.
 */
import { Account } from '../model/account.ts'
import type { Command } from '../model/command.ts'
import { Model } from '../model/model.ts'
import type { Rows } from './ledger_rows.ts'
import { GROUP } from './choices.ts'
import { EXPIRES_IN, isDone, UNKEYED, type Write } from './record.ts'

/** @returns what doesn't fit together */
export function replay(writes: Write[], rows: Rows, users: number): string[] {
  const byKey = new Map(writes.map((write) => [write.key, write]))
  const violations: string[] = []
  for (let first = 0; first < users; first += GROUP) {
    violations.push(...replayGroup(byKey, rows, first))
  }
  return violations
}

function replayGroup(byKey: Map<string, Write>, rows: Rows, first: number): string[] {
  const violations: string[] = []
  const model = new Model(Array.from({ length: GROUP }, () => new Account()))
  for (const key of keysInOrder(rows, first)) {
    const write = byKey.get(key)
    if (!write || !isDone(write)) {
      violations.push(`${key} is there, and nobody was told so`)
      continue
    }
    const got = commandsOf(write, first).flatMap((command) => model.apply(command, 'sql'))
    const told = toldOf(write)
    // The last word of a row may be whether it is a repeat.
    const expected = told && got.map((row) => row.replace(/ (true|false)$/, '')).join()
    const answered = told?.rows.join()
    if (answered !== expected) {
      violations.push(`${write.kind} ${key} was answered ${answered}, the model says ${expected}`)
    }
  }
  return [...violations, ...differences(model, rows, first)]
}

/** The answer that shows what came of it. Repeats don't, of what has no key; of inserts, none. */
function toldOf(write: Write): { rows: string[] } | undefined {
  const done = write.answers.filter((answer) => answer.end === 'done')
  return UNKEYED.includes(write.kind) ? done.find(({ rows }) => rows.length > 0) : done.at(-1)
}

function commandsOf(write: Write, first: number): Command[] {
  const { kind, key, amount, hold, seq, expires, final } = write
  const user = write.user - first
  switch (kind) {
    case 'transfer':
      return [{ kind, user, to: write.to - first, amount, key }]
    case 'hold':
      return [{ kind, user, amount, seconds: expires ? EXPIRES_IN.hold : null, key }]
    case 'capture':
      return [{ kind, user, hold, amount: amount === 0n ? null : amount, final, key }]
    case 'extend':
      return [{ kind, user, hold, seconds: expires ? EXPIRES_IN.extend : null, key }]
    case 'release':
      return [{ kind, user, hold, key }]
    case 'reverse':
      return [{ kind, user, seq, amount, key }]
    case 'freeze':
    case 'thaw':
      return [{ kind, user }]
    case 'limit':
      return [{ kind, user, amount }]
    case 'insert':
      return [{ kind, user, action: 'CREDIT', amount }, { kind: 'recalculate', user }]
    case 'debit':
    case 'credit':
      return [{ kind, user, amount, key }]
  }
}

/**
 * What happened to a group, in the order of positions, each by its key. Of a transfer one half has
 * it, and nothing happens to its users between its halves; a capture is an entry and a change.
 */
function keysInOrder({ entries, changes, controls }: Rows, first: number): string[] {
  return [...entries, ...changes, ...controls]
    .filter(({ user }) => user >= first && user < first + GROUP)
    .toSorted((a, b) => a.position < b.position ? -1 : 1)
    .flatMap(({ key }) => key ?? [])
}

/** Where the model and the database have something else in the end. */
function differences(model: Model, rows: Rows, first: number): string[] {
  return model.accounts.flatMap((account, n) => {
    const expected = linesOfModel(account, first)
    const found = linesOfRows(rows, first + n)
    const length = Math.max(expected.length, found.length)
    const at = Array.from({ length }, (_, i) => i).find((i) => expected[i] !== found[i])
    if (at === undefined) return []
    return [`user ${first + n} has ${found[at]}, the model ${expected[at]}`]
  })
}

function linesOfModel({ entries, holds, frozen, limit }: Account, first: number): string[] {
  return [
    ...entries.map((e) => {
      const peer = e.peer === null ? null : e.peer + first
      const peerSeq = peer === null ? null : e.peerSeq
      const { seq, action, amount, balance, held, hold } = e
      return [seq, action, amount, balance, held, hold, peer, peerSeq].join(' ')
    }),
    ...holds.map(({ amount, status, captured }, i) => [i + 1, amount, status, captured].join(' ')),
    ...holds.flatMap(({ changes }, i) =>
      changes.map(({ action, amount, remaining, available, key }, j) =>
        [i + 1, j + 1, action, amount, remaining, available, key].join(' ')
      )
    ),
    `${frozen} ${limit}`,
  ]
}

function linesOfRows({ entries, holds, changes, states }: Rows, user: number): string[] {
  const isOf = (row: { user: number }) => row.user === user
  return [
    ...entries.filter(isOf).map((e) =>
      [e.seq, e.action, e.amount, e.balance, e.held, e.hold, e.peer, e.peerSeq].join(' ')
    ),
    ...holds.filter(isOf).map((h) => [h.hold, h.amount, h.status, h.captured].join(' ')),
    ...changes.filter(isOf).map((c) =>
      [c.hold, c.number, c.action, c.amount, c.remaining, c.available, c.key].join(' ')
    ),
    states[user]!,
  ]
}
