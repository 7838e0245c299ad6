/** Of two reasons to refuse an operation the one is given that docs/reference/errors.md says. */
import type postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { one, stateOf, useLedger } from '../support/ledger.ts'
import { placeMostHolds } from '../support/holds.ts'
import { sealCredit } from '../support/sealing.ts'
import { callAlone, type Operation, postAll } from '../support/post.ts'
import {
  CASES,
  codeOf,
  isAlone,
  type Kind,
  RANKS,
  REFS,
  type Request,
  REQUESTS,
  waits,
} from './faulty_requests.ts'

const ledger = useLedger()

const users = {} as Record<Kind, number>
let caller: postgres.Sql
let holder: postgres.Sql

/** A user of whom there is everything that a request can be about. */
async function furnish(id: number, busy: number): Promise<void> {
  const { sql } = ledger
  await sql`select debit_user(${id}, 1)` // 2, after a credit of 10
  await sql`select debit_user(${id}, 1)` // 3
  await sql`select reverse_entry(${id}, 3)`
  await sql`select credit_user(${id}, 1, 'used', '{"by": "another request"}')` // 5
  await sql`select reverse_entry(${id}, 5)`
  await sql`select place_hold(${id}, 2, 3600), place_hold(${id}, 1)`
  await sql`select release_hold(${id}, 2)`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  await sql`select recalculate_balance(${id})` // 7
  await sql`select transfer(${id}, ${busy}, 1)` // 8
}

beforeAll(async () => {
  const { sql } = ledger
  const busy = await ledger.user(10)
  for (
    const kind of [
      'plain',
      'other',
      'full',
      'poor',
      'rich',
      'frozen',
      'crowded',
      'holding',
    ] as const
  ) {
    users[kind] = await ledger.user(10)
    await furnish(users[kind], busy)
  }
  const another = await ledger.user(10)
  await furnish(busy, another)
  Object.assign(users, { busy, unknown: 999_999 })
  const most = { balance: '999999999999999999.99' }
  await sealCredit(sql, users.rich, most)
  await sealCredit(sql, users.full, most)
  await sql`select recalculate_balance(${users.full})`
  await sql`insert into payment_history (user_id, action, amount)
    values (${users.full}, 'CREDIT', 1), (${users.poor}, 'DEBIT', 1000),
           (${users.crowded}, 'CREDIT', 1)`
  await sql`insert into payment_history (user_id, action, amount)
    select ${users.crowded}, 'CREDIT', 1 from generate_series(1, 2000)`
  await sql`select recalculate_balance(id) from unnest(array[${users.poor}, ${users.rich}]::bigint[]) id`
  await sql`select freeze_user(${users.frozen})`
  await placeMostHolds(sql, users.holding)
  holder = ledger.connect()
  caller = ledger.connect()
  await caller`set lock_timeout = '1ms'`
  await holder`begin`
  await holder`select from users where id = ${busy} for no key update`
})
afterAll(() => holder`rollback`)

const operationOf = ({ user, peer, ref, ...rest }: Request): Operation => ({
  ...rest,
  user: users[user],
  ...(peer && { peer: users[peer === 'same' ? user : peer] }),
  ...(ref && { ref: REFS[ref] }),
})

const describeCase = ({ request, reasons, first }: typeof CASES[number]) =>
  `${first.reason} of ${reasons.map(({ reason }) => reason).join(' and ')}: ${
    JSON.stringify(request)
  }`
const code = (said: string[]) => said[0]!.split(' ')[0]

test('the table has every reason, and the pairs have every reason of the table', () => {
  const tried = new Set(CASES.flatMap(({ reasons }) => reasons.map(({ reason }) => reason)))
  expect([...tried].sort()).toEqual([...RANKS.keys()].sort())
  expect(CASES.length).toBeGreaterThan(250)
})

const state = () =>
  stateOf(
    ledger.sql,
    ...Object.entries(users).filter(([kind]) => kind !== 'crowded').map(([, id]) => id),
  )
const wanted = (cases: typeof CASES, codeOfCase = (c: typeof CASES[number]) => codeOf(c.first)) =>
  cases.map((c) => `${codeOfCase(c)}: ${describeCase(c)}`)

test.each(Object.keys(REQUESTS))('%s alone', async (name) => {
  const cases = CASES.filter((c) => c.name === name && isAlone(c.request))
  const before = await state()
  const got: string[] = []
  for (const c of cases) {
    got.push(`${code(await callAlone(caller, operationOf(c.request)))}: ${describeCase(c)}`)
  }
  // Whoever waits, waits first.
  expect(got).toEqual(wanted(cases, (c) => waits(c.request) ? '55P03' : codeOf(c.first)))
  expect(await state()).toEqual(before)
})

describe('in ledger.post', () => {
  const inBatch = async (cases: typeof CASES) => {
    const { said } = await postAll(caller, cases.map(({ request }) => operationOf(request)), {
      maxPending: 10,
    })
    return said.map((rows, i) => `${code(rows)}: ${describeCase(cases[i]!)}`)
  }
  const wanted = (cases: typeof CASES) => cases.map((c) => `${codeOf(c.first)}: ${describeCase(c)}`)

  test('each by itself', async () => {
    const got: string[] = []
    for (const c of CASES) got.push(...await inBatch([c]))
    expect(got).toEqual(wanted(CASES))
  })

  test('all of them at once', async () => {
    const before = await state()
    expect(await inBatch(CASES)).toEqual(wanted(CASES))
    expect(await state()).toEqual(before)
  })

  test('with wait it raises 55P03 for all of them', async () => {
    const operations = [REQUESTS['CREDIT']!, { ...REQUESTS['DEBIT']!, user: 'busy' as const }]
    const before = await state()
    await expect(postAll(caller, operations.map(operationOf), { wait: true }))
      .rejects.toMatchObject({ code: '55P03' })
    expect(await state()).toEqual(before)
  })
})

test('a request without a fault passes, of each operation', async () => {
  const fine = ledger.connect()
  for (const [name, request] of Object.entries(REQUESTS)) {
    await fine`begin`
    expect([name, code(await callAlone(fine, operationOf(request)))])
      .not.toEqual([name, expect.stringMatching(/^(LG|55|22)/)])
    await fine`rollback`
  }
  expect(await one(ledger.sql`select status from ledger.get_hold(${users.plain}, 1)`))
    .toEqual({ status: 'active' })
})
