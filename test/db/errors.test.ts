/** Of two reasons to refuse an operation the one is given that docs/reference/errors.md says. */
import { readFileSync } from 'node:fs'
import type postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { one, placeMostHolds, sealCredit, stateOf, useLedger } from '../support/ledger.ts'
import { callAlone, type Operation, postAll } from '../support/post.ts'

const ledger = useLedger()

/** `request LGAMT`: 1, and so on. */
const RANKS = new Map(
  [
    ...readFileSync('docs/reference/errors.md', 'utf8')
      .matchAll(/^\| (\d+) \| (\w+) \| `(\w+)` \|/gm),
  ]
    .map(([, rank, group, code]) => [`${group} ${code}`, Number(rank)]),
)

type Kind =
  | 'plain'
  | 'other'
  | 'unknown'
  | 'busy'
  | 'full'
  | 'poor'
  | 'rich'
  | 'frozen'
  | 'crowded'
  | 'holding'
  | 'same'
/** What is there of each user, by its name. */
const REFS = {
  active: 1,
  released: 2,
  none: 99,
  credit: 1,
  debit: 2,
  reversed: 3,
  reversedCredit: 5,
  busyHalf: 8,
}
interface Request {
  op: string
  user: Kind
  peer?: Kind
  amount?: string
  ref?: keyof typeof REFS
  key?: string
  metadata?: string
  expiresIn?: string
}
interface Fault {
  /** As in the table: whose reason it is, and its SQLSTATE. */
  reason: string
  change: Partial<Request>
}

const REQUESTS: Record<string, Request> = {
  DEBIT: { op: 'DEBIT', user: 'plain', amount: '1' },
  CREDIT: { op: 'CREDIT', user: 'plain', amount: '1' },
  TRANSFER: { op: 'TRANSFER', user: 'plain', peer: 'other', amount: '1' },
  HOLD: { op: 'HOLD', user: 'plain', amount: '1' },
  CAPTURE: { op: 'CAPTURE', user: 'plain', ref: 'active', amount: '1' },
  'CAPTURE PART': { op: 'CAPTURE PART', user: 'plain', ref: 'active', amount: '1' },
  EXTEND: { op: 'EXTEND', user: 'plain', ref: 'active', expiresIn: '7200' },
  RELEASE: { op: 'RELEASE', user: 'plain', ref: 'active' },
  REVERSE: { op: 'REVERSE', user: 'plain', ref: 'debit' },
}

const EVERY: Fault[] = [
  { reason: 'request 22023', change: { metadata: '[]' } },
  { reason: 'request 22023', change: { key: 'a b' } },
  { reason: 'users LGUSR', change: { user: 'unknown' } },
  { reason: 'users 55P03', change: { user: 'busy' } },
  { reason: 'users 55P03', change: { user: 'crowded' } },
  { reason: 'users LGRNG', change: { user: 'full' } },
  { reason: 'key LGKEY', change: { key: 'used' } },
]
const AMOUNT: Fault = { reason: 'request LGAMT', change: { amount: '0.001' } }
const FROZEN: Fault = { reason: 'funds LGFRZ', change: { user: 'frozen' } }
const TOO_MUCH: Fault = { reason: 'funds LGFND', change: { amount: '5000' } }
const HOLDS: Fault[] = [
  { reason: 'target LGHLU', change: { ref: 'none' } },
  { reason: 'target LGHLD', change: { ref: 'released' } },
]
const CAPTURE: Fault[] = [
  AMOUNT,
  ...HOLDS,
  { reason: 'target LGAMT', change: { amount: '2.01' } },
  FROZEN,
  { reason: 'funds LGFND', change: { user: 'poor' } },
]
const EXPIRY: Fault = { reason: 'request 22023', change: { expiresIn: '0' } }
const FAULTS: Record<string, Fault[]> = {
  DEBIT: [AMOUNT, FROZEN, TOO_MUCH],
  CREDIT: [AMOUNT, { reason: 'funds LGRNG', change: { user: 'rich' } }],
  TRANSFER: [
    AMOUNT,
    { reason: 'request LGSAM', change: { peer: 'same' } },
    { reason: 'users LGUSR', change: { peer: 'unknown' } },
    { reason: 'users 55P03', change: { peer: 'busy' } },
    { reason: 'users LGRNG', change: { peer: 'full' } },
    FROZEN,
    TOO_MUCH,
    { reason: 'funds LGRNG', change: { peer: 'rich' } },
  ],
  HOLD: [AMOUNT, EXPIRY, FROZEN, TOO_MUCH, { reason: 'funds LGMAX', change: { user: 'holding' } }],
  CAPTURE,
  'CAPTURE PART': CAPTURE,
  EXTEND: [EXPIRY, ...HOLDS, { reason: 'target LGEXP', change: { expiresIn: '60' } }],
  RELEASE: HOLDS,
  REVERSE: [
    AMOUNT,
    { reason: 'target LGAMT', change: { amount: '5000' } },
    { reason: 'users 55P03', change: { ref: 'busyHalf' } },
    { reason: 'target LGENT', change: { ref: 'none' } },
    { reason: 'target LGREV', change: { ref: 'reversed' } },
    { reason: 'target LGREV', change: { ref: 'reversedCredit' } },
    { reason: 'funds LGFRZ', change: { user: 'frozen', ref: 'credit' } },
    { reason: 'funds LGFND', change: { user: 'poor', ref: 'credit' } },
    { reason: 'funds LGRNG', change: { user: 'rich' } },
  ],
}

/** What has several reasons: a spent credit that was reversed has both at one ref. */
const fits = (a: Fault, b: Fault) =>
  // Of the same user it would be another reason.
  a.change.user !== (b.change.peer ?? '') &&
    Object.keys(a.change).every((name) => !(name in b.change)) ||
  a.change.ref === 'reversedCredit' && b.reason === 'funds LGFND'

const codeOf = ({ reason }: Fault) => reason.split(' ')[1]!
const rankOf = ({ reason }: Fault) => {
  const rank = RANKS.get(reason)
  if (rank === undefined) throw new Error(`${reason} is not in the table`)
  return rank
}

/**
 * The one that comes first; of two with the same number, that of the user before that of the peer.
 */
function firstOf(a: Fault, b: Fault): Fault {
  if (rankOf(a) !== rankOf(b)) return rankOf(a) < rankOf(b) ? a : b
  return 'user' in a.change ? a : b
}

const CASES = Object.entries(REQUESTS).flatMap(([name, request]) => {
  const faults = [...EVERY, ...FAULTS[name]!]
  return faults.flatMap((a, i) => [
    { name, request: { ...request, ...a.change }, reasons: [a], first: a },
    ...faults.slice(i + 1).filter((b) => fits(a, b)).map((b) => ({
      name,
      request: { ...request, ...b.change, ...a.change },
      reasons: [a, b],
      first: firstOf(a, b),
    })),
  ])
})
/** Nobody has to wait for what is only too much for one call. */
const isAlone = (request: Request) => ![request.user, request.peer].includes('crowded')
const waits = (request: Request) =>
  [request.user, request.peer].includes('busy') ||
  request.ref === 'busyHalf' && request.user !== 'unknown'

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
