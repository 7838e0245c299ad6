import type postgres from 'postgres'
import { beforeEach, describe, expect, test } from 'vitest'
import { codeOf, one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

interface Changes {
  epoch_now: string
  is_new: boolean
  is_complete: boolean
  oldest_open: string
  horizon: string | null
  last_id: string
  still_missing: string[] | null
  newly_missing: string[] | null
  told: Record<string, number>
}

interface From {
  epoch: string | null
  position: string | null
  missing?: string[]
  awaited?: string | null
  max_rows?: number
  max_missing?: number
}

async function getChanges(from: From, sql: postgres.Sql = ledger.sql): Promise<Changes> {
  const { epoch, position, missing = [], awaited = null, max_rows = 5000 } = from
  const { max_missing = 10_000 } = from
  return await one(sql<Changes[]>`
    select c.epoch_now, c.is_new, c.is_complete, c.oldest_open::text, c.horizon::text,
           c.last_id, to_json(c.still_missing::text[]) as still_missing,
           to_json(c.newly_missing::text[]) as newly_missing,
           (select coalesce(json_object_agg(t.id, t.version), '{}')
              from unnest(c.user_ids, c.versions) t (id, version)) as told
      from ledger.get_changes(${epoch}::text, ${position}::bigint,
        ${`{${missing.join(',')}}`}::bigint[], ${awaited}::xid8, ${max_rows}, ${max_missing}) c`)
}

let from: From

/** What was told since the last time; goes on from there. */
async function told(more: Partial<From> = {}): Promise<Changes['told']> {
  const changes = await getChanges({ ...from, ...more })
  expect([changes.is_new, changes.is_complete]).toEqual([false, true])
  from = { epoch: changes.epoch_now, position: changes.last_id }
  return changes.told
}

async function versionOf(id: number): Promise<number> {
  const users = ledger.sql`select version from ledger.get_users(array[${id}::bigint])`
  return Number((await one(users))['version'])
}

const insert = (sql: postgres.Sql, id: number) =>
  sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`

beforeEach(async () => {
  const { epoch_now, last_id } = await getChanges({ epoch: null, position: null })
  from = { epoch: epoch_now, position: last_id }
})

test.each<[string, (id: number, sql: postgres.Sql) => PromiseLike<unknown>[]]>([
  ['debit_user', (id, sql) => [sql`select debit_user(${id}, 1)`]],
  ['credit_user', (id, sql) => [sql`select credit_user(${id}, 1)`]],
  ['debit_users', (id, sql) => [sql`select debit_users(array[${id}::bigint], '{1}')`]],
  ['a posted manual entry', (id, sql) => [insert(sql, id), sql`select recalculate_balance(${id})`]],
  ['place_hold', (id, sql) => [sql`select place_hold(${id}, 1)`]],
  [
    'capture_hold',
    (id, sql) => [sql`select place_hold(${id}, 1)`, sql`select capture_hold(${id}, 1)`],
  ],
  [
    'release_hold',
    (id, sql) => [sql`select place_hold(${id}, 1)`, sql`select release_hold(${id}, 1)`],
  ],
  [
    'reverse_entry',
    (id, sql) => [sql`select debit_user(${id}, 1)`, sql`select reverse_entry(${id}, 2)`],
  ],
  ['post', (id, sql) => [sql`select ledger.post('{DEBIT}', array[${id}::bigint], '{1}')`]],
])('%s tells the version that the user has got', async (_, work) => {
  const id = await ledger.user(10)
  await told()
  for (const step of work(id, ledger.sql)) await step
  expect(await told()).toEqual({ [id]: await versionOf(id) })
  expect(await told()).toEqual({})
})

test('a transfer tells of both users', async () => {
  const [payer, payee] = [await ledger.user(10), await ledger.user(10)]
  await told()
  await ledger.sql`select transfer(${payer}, ${payee}, 1)`
  expect(await told()).toEqual({ [payer]: 2, [payee]: 2 })
})

test('the version comes from the history, whatever somebody wrote into users', async () => {
  const id = await ledger.user(10)
  await told()
  await ledger.sql`select place_hold(${id}, 1)`
  await ledger.sql`update users set seq = 0 where id = ${id}`
  expect(await told()).toEqual({ [id]: 2 })
})

test('a pending entry, a refusal and a rollback tell of nobody', async () => {
  const id = await ledger.user(10)
  await told()
  await insert(ledger.sql, id)
  expect(await codeOf(ledger.sql`select debit_user(${id}, 1000)`)).toBe('LGFND')
  const caller = ledger.connect()
  await caller`begin`
  await caller`select debit_user(${id}, 1)`
  await caller`rollback`
  expect(await told()).toEqual({})
})

test('what commits later with a lower id is missing, and told of when it is there', async () => {
  const [early, late] = [await ledger.user(10), await ledger.user(10)]
  await told()
  const caller = ledger.connect()
  await caller`begin`
  await caller`select debit_user(${early}, 1)`
  await ledger.sql`select debit_user(${late}, 1)`
  const first = await getChanges(from)
  expect(first).toMatchObject({ told: { [late]: 2 }, newly_missing: [expect.any(String)] })
  const next = { epoch: first.epoch_now, position: first.last_id, awaited: first.horizon }
  const missing = first.newly_missing!
  const second = await getChanges({ ...next, missing })
  expect(second).toMatchObject({ told: {}, still_missing: missing, newly_missing: null })
  expect(BigInt(second.oldest_open)).toBeLessThan(BigInt(first.horizon!))
  await caller`commit`
  const third = await getChanges({ ...next, missing })
  expect(third).toMatchObject({ told: { [early]: 2 }, still_missing: [] })
  expect(BigInt(third.oldest_open)).toBeGreaterThanOrEqual(BigInt(first.horizon!))
})

test('who has locked no user is not waited for, however long it takes', async () => {
  const other = ledger.connect()
  await other`begin`
  await other`create temporary table work (id bigint)`
  try {
    const { horizon, ...first } = await getChanges({ epoch: null, position: null })
    const next = { epoch: first.epoch_now, position: first.last_id, awaited: horizon }
    expect(BigInt((await getChanges(next)).oldest_open)).toBeGreaterThanOrEqual(BigInt(horizon!))
  } finally {
    await other`rollback`
  }
})

test('more than max_rows come in pieces, and each of them is told of', async () => {
  const ids = [await ledger.user(10), await ledger.user(10), await ledger.user(10)]
  await told()
  for (const id of ids) await ledger.sql`select place_hold(${id}, 1), credit_user(${id}, 1)`
  const pieces: Changes['told'][] = []
  for (let isComplete = false; !isComplete;) {
    const piece = await getChanges({ ...from, max_rows: 2 })
    pieces.push(piece.told)
    expect(piece.newly_missing).toBe(null)
    from.position = piece.last_id
    isComplete = piece.is_complete
  }
  expect(pieces.length).toBeGreaterThan(1)
  expect(Object.assign({}, ...pieces)).toEqual(Object.fromEntries(ids.map((id) => [id, 3])))
})

test('an id that was given explicitly is above every position', async () => {
  const id = await ledger.user(10)
  await told()
  await ledger.sql`insert into payment_history (id, user_id, action, amount)
    overriding system value values (1000000000, ${id}, 'CREDIT', 1)`
  expect(await told()).toEqual({})
  await ledger.sql`select recalculate_balance(${id})`
  expect(await told()).toEqual({ [id]: 2 })
})

describe('all is new', () => {
  test('to who has no position, one of another time, or one that is still to come', async () => {
    for (
      const other of [
        { ...from, epoch: null },
        { ...from, epoch: 'another' },
        { ...from, position: null },
        { ...from, position: String(Number(from.position) + 1) },
      ]
    ) {
      const changes = await getChanges(other)
      expect(changes).toMatchObject({
        is_new: true,
        is_complete: true,
        epoch_now: from.epoch,
        last_id: from.position,
        horizon: expect.stringMatching(/^\d+$/),
        told: {},
      })
    }
  })

  test('when too many are missing', async () => {
    const id = await ledger.user(10)
    await told()
    await ledger.sql`select nextval('payment_history_id_seq') from generate_series(1, 3)`
    await ledger.sql`select debit_user(${id}, 1)`
    expect((await getChanges({ ...from, max_missing: 3 })).newly_missing).toHaveLength(3)
    expect(await getChanges({ ...from, max_missing: 2 })).toMatchObject({ is_new: true, told: {} })
    const changes = await getChanges({ ...from, missing: ['1000000001'], max_missing: 3 })
    expect(changes).toMatchObject({ is_new: true, told: {}, newly_missing: null })
  })

  test('when somebody broke the glass', async () => {
    const id = await ledger.user(10)
    await told()
    const owner = ledger.connect()
    await owner`begin`
    await owner`select break_glass('ticket 42: the court ordered it')`
    await owner`update payment_history set amount = 9, balance = 9 where user_id = ${id}`
    await owner`commit`
    expect(await getChanges(from)).toMatchObject({ is_new: true })
  })
})
