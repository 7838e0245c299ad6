import { expect, test } from 'vitest'
import { Problem } from '../../../src/core/errors.ts'
import type { Operation, Outcome, UserOutcome } from '../../../src/ledger/operations.ts'
import { createWrite } from '../../../src/ledger/write.ts'

const stateOf = (id: number, version: number) => ({
  snapshot: { id, balance: '1.00', available: '1.00', seq: version, updated_at: '' },
  version,
  read_at: '',
})

/** A write whose queue has this answer, and what it did: in order. */
function setup(answer: Outcome | Problem, entry?: object | Error) {
  const done: string[] = []
  const write = createWrite({
    queue: {
      add: () => answer instanceof Problem ? Promise.reject(answer) : Promise.resolve(answer),
    },
    ledger: {
      getStatement: (userId, after) => {
        done.push(`read ${userId}/${after + 1}`)
        return entry instanceof Error
          ? Promise.reject(entry)
          : Promise.resolve((entry ? [entry] : []) as never)
      },
    },
    snapshots: {
      write: ({ snapshot, version }) =>
        Promise.resolve(void done.push(`${snapshot.id}:${version}`)),
      invalidate: (id) => void done.push(`invalidate ${id}`),
    },
    metrics: { operation: (kind, outcome) => void done.push(`${kind} ${outcome}`) },
  })
  return { write, done }
}

const outcome = (status: string, ...users: [UserOutcome, ...UserOutcome[]]): Outcome => ({
  status,
  replayed: false,
  users,
})
const moved: Operation = { kind: 'transfer', userId: 1, peerId: 2, amount: '1' }
const reversed: Operation = { kind: 'reverse', userId: 1, ref: 7 }

test('the cache knows each user before the answer, of a repeat as of a first time', async () => {
  const users = [{ userId: 1, state: stateOf(1, 5) }, { userId: 2, state: stateOf(2, 6) }] as const
  for (const replayed of [false, true]) {
    const { write, done } = setup({ ...outcome('ok', ...users), replayed })
    expect(await write(moved)).toMatchObject({ status: 'ok', replayed })
    expect(done).toEqual(['1:5', '2:6', `transfer ${replayed ? 'replayed' : 'ok'}`])
  }
})

test('a refusal tells the cache, too, and has the amounts of whoever lacks them', async () => {
  const shortfall = { balance: '1.00', available: '1.00', required: '2.00', shortfall: '1.00' }
  const { write, done } = setup(
    outcome('LGFND', { userId: 1, state: stateOf(1, 5) }, { userId: 2, shortfall }),
  )
  await expect(write(reversed)).rejects.toMatchObject({
    code: 'insufficient_funds',
    details: shortfall,
  })
  expect(done).toEqual(['1:5', 'reverse insufficient_funds'])
})

test.each([
  ['LGHLU', 'unknown_hold'],
  ['LGHLD', 'hold_not_active'],
  ['LGENT', 'unknown_entry'],
  ['LGREV', 'already_reversed'],
  ['LGEXP', 'expiry_not_later'],
  ['LGMAX', 'too_many_holds'],
  ['LGKEY', 'idempotency_key_reused'],
])('%s is %s', async (status, code) => {
  const { write } = setup(outcome(status, { userId: 1 }))
  await expect(write({ kind: 'capture', userId: 1, ref: 1 })).rejects.toMatchObject({ code })
})

test('after an unknown outcome nothing is believed of anybody it may have changed', async () => {
  const lost = new Problem('outcome_unknown')
  for (
    const [operation, entry, expected] of [
      [moved, undefined, ['invalidate 1', 'invalidate 2']],
      // Its other user is only known to the ledger.
      [reversed, { transfer: { user_id: 9, seq: 1 } }, [
        'invalidate 1',
        'read 1/7',
        'invalidate 9',
      ]],
      [reversed, {}, ['invalidate 1', 'read 1/7']],
      [reversed, new Error('lost'), ['invalidate 1', 'read 1/7']],
      [{ ...reversed, peerId: 3 }, undefined, ['invalidate 1', 'invalidate 3']],
    ] as const
  ) {
    const { write, done } = setup(lost, entry)
    await expect(write({ ...operation })).rejects.toBe(lost)
    expect(done).toEqual([...expected, `${operation.kind} outcome_unknown`])
  }
})
