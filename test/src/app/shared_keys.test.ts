/** Items of one list, done on a ledger by a debit each, where some of them fail on the way. */
import { expect, test } from 'vitest'
import { SharedKeys } from '../../../src/app/shared_keys.ts'
import { Problem, refusal } from '../../../src/core/errors.ts'
import type { Outcome } from '../../../src/ledger/operations.ts'
import { historyOf, one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

async function debit(userId: number, amount: number, key: string): Promise<Outcome> {
  const { status, replayed } = await one(ledger.sql<{ status: string; replayed: boolean }[]>`
    select status, replayed from debit_users(array[${userId}::bigint], array[${amount}::numeric],
      array[${key}::text])`)
  if (status !== 'ok') throw refusal(status)
  return { status, replayed, users: [{ userId }] }
}

/** What `debit` is called with, and what became of each. */
interface Run {
  tried: [amount: number, key: string][]
  lookUps: number
  outcomes: string[]
}

/** Sends a list; `work` does one debit. */
async function send(userId: number, amounts: number[], work = debit): Promise<Run> {
  const run: Run = { tried: [], lookUps: 0, outcomes: [] }
  const shared = new SharedKeys('run#', async () => {
    run.lookUps++
    const rows = await ledger.sql`select x from ledger.find_keys(${userId}, 'run#') x`
    return rows.map(({ x }) => x as string)
  })
  const items = amounts.map((amount) => ({ amount, key: shared.add(`${amount}`) }))
  run.outcomes = await Promise.all(items.map(({ amount, key: itemKey }) =>
    itemKey.use((key) => {
      run.tried.push([amount, key!])
      return work(userId, amount, key!)
    }).then(
      ({ replayed }) => replayed ? 'replayed' : 'done',
      (error: unknown) => (error as Problem).code,
    )
  ))
  return run
}

test('the first time, each item is tried once and nothing is looked up', async () => {
  const id = await ledger.user(100)
  const { tried, lookUps, outcomes } = await send(id, [1, 2, 2, 1, 3])
  expect(outcomes).toEqual(Array(5).fill('done'))
  expect(tried).toHaveLength(5)
  expect(tried[0]).toEqual([1, 'run#0'])
  expect(new Set(tried.map(([, key]) => key)).size).toBe(5)
  expect(lookUps).toBe(0)
})

test('a repeat of an item that is alone is one try, and a part of a list one look-up', async () => {
  const id = await ledger.user(100)
  await send(id, [1, 2, 3])
  expect(await send(id, [1])).toEqual({
    tried: [[1, 'run#0']],
    lookUps: 0,
    outcomes: ['replayed'],
  })
  expect(await send(id, [3, 2])).toMatchObject({ lookUps: 1, outcomes: ['replayed', 'replayed'] })
  expect(await send(id, [4, 5])).toMatchObject({
    lookUps: 1,
    outcomes: Array(2).fill('idempotency_key_reused'),
  })
})

test('while it is unknown whether an item was done, no other counts as changed', async () => {
  const lost = async (userId: number, amount: number, key: string) => {
    if (amount === 2) return await debit(userId, amount, key)
    if (key === 'run#0') await debit(userId, amount, key)
    throw new Problem('outcome_unknown')
  }
  const id = await ledger.user(100)
  expect((await send(id, [1, 2], lost)).outcomes).toEqual(['outcome_unknown', 'done'])
  const other = await ledger.user(100)
  await send(other, [1])
  expect((await send(other, [2, 1], lost)).outcomes).toEqual(['busy', 'outcome_unknown'])
  expect((await send(other, [2, 1])).outcomes).toEqual(['done', 'replayed'])
  for (const user of [id, other]) {
    expect((await send(user, [2, 1])).outcomes).toEqual(['replayed', 'replayed'])
    expect(await historyOf(ledger.sql, user)).toHaveLength(3)
  }
})

test('of items that say the same, none is done before the first key is used', async () => {
  const id = await ledger.user()
  const { tried, outcomes } = await send(id, [10, 10, 10], async (userId, amount, key) => {
    try {
      return await debit(userId, amount, key)
    } finally {
      await ledger.sql`select credit_user(${userId}, 100)`
    }
  })
  expect(outcomes).toEqual(Array(3).fill('insufficient_funds'))
  expect(tried).toEqual([[10, 'run#0']])
  expect((await send(id, [10])).outcomes).toEqual(['done'])
  expect((await send(id, [10, 10, 10])).outcomes).toEqual(['replayed', 'done', 'done'])
})

test('a look-up that fails leaves what it was for to be repeated', async () => {
  const id = await ledger.user(100)
  await send(id, [1, 2])
  const shared = new SharedKeys('run#', () => Promise.reject(new Error('lost')))
  const items = [2, 3].map((amount) => ({ amount, key: shared.add(`${amount}`) }))
  const results = await Promise.allSettled(
    items.map(({ amount, key: itemKey }) => itemKey.use((key) => debit(id, amount, key!))),
  )
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await historyOf(ledger.sql, id)).toHaveLength(3)
})
