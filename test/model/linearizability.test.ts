import { expect, test } from 'vitest'
import type { Done } from './call.ts'
import { Account } from './account.ts'
import type { Command } from './command.ts'
import { Model } from './model.ts'
import { explain } from './linearizability.ts'

/** One user with 1500, and what three did at once. */
function explained(debited: string): string[][] {
  const account = new Account()
  account.append({ action: 'CREDIT', amount: 1500n })
  const insert = (id: number, amount: bigint): Done => ({
    channel: 'sql',
    undone: false,
    steps: [{ command: { user: 0, kind: 'insert', action: 'DEBIT', amount }, answer: [`${id}`] }],
  })
  const debit: Done = {
    channel: 'http',
    undone: false,
    steps: [{
      command: { user: 0, kind: 'debit', amount: 150n, key: null },
      answer: [debited],
    }],
  }
  const models = explain([new Model([account])], [insert(2, 2000n), insert(1, 150n), debit])
  return models.map(({ accounts }) => accounts[0]!.entries.map(({ amount }) => `${amount}`))
}

test('a manual entry that came while others were posted may be posted after those, whatever its id', () => {
  expect(explained('LGFND -650')).toEqual([['1500', '150', '2000'], ['1500', '2000', '150']])
})

test('what is missing over HTTP is what was missing then, not a moment later', () => {
  const account = new Account()
  account.append({ action: 'CREDIT', amount: 1500n })
  const done = (channel: Done['channel'], command: Command, answer: string): Done => ({
    channel,
    undone: false,
    steps: [{ command, answer: [answer] }],
  })
  const explainedBy = (available: number, credited: string) =>
    explain([new Model([account])], [
      done(
        'http',
        { user: 0, kind: 'hold', amount: 1600n, seconds: null, key: null },
        `LGFND ${available}`,
      ),
      done('sql', { user: 0, kind: 'credit', amount: 200n, key: null }, credited),
    ]).length
  const credited = '2 CREDIT 200 1700 1700 false'
  expect([1500, 1700, 1600].map((available) => explainedBy(available, credited))).toEqual([1, 0, 0])
  // Here the credit may have come first: it isn't enough, either.
  account.pending.push({ id: 1, action: 'DEBIT', amount: 2000n })
  const late = '3 CREDIT 200 -300 -300 false'
  expect([-500, -300, -400].map((available) => explainedBy(available, late))).toEqual([1, 1, 0])
})

test('what no order explains stays without an explanation', () => {
  expect(explained('LGFND -651')).toEqual([])
})
