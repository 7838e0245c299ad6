/** What is read of changes against a real database, whatever order transactions commit in. */
import fc from 'fast-check'
import type postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { getChanges } from '../../../src/cache/change_functions.ts'
import { createChangeReader, type Reading } from '../../../src/cache/change_reader.ts'
import { createDatabase, type Database } from '../../../src/database/database.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()
let database: Database

beforeAll(() => {
  database = createDatabase({ url: ledger.url, max: 1 })
})
afterAll(() => database.end())

type Read = () => Promise<Reading>
const newReader = (): Read => createChangeReader((request) => getChanges(database, request))

/** Reads until it is in step. */
async function begin(): Promise<Read> {
  const read = newReader()
  await expect.poll(async () => (await read()).heard).toBeDefined()
  return read
}

async function begun(debit: number): Promise<postgres.Sql> {
  const sql = ledger.connect()
  await sql`begin`
  await sql`select debit_user(${debit}, 1)`
  return sql
}

const idsOf = ({ versions }: Reading) => versions.map(([id]) => id)

describe('the beginning', () => {
  test('is not in step before everybody who was open has ended', async () => {
    const id = await ledger.user(10)
    const open = await begun(id)
    const read = newReader()
    expect(await read()).toMatchObject({ isNew: true, heard: undefined })
    expect(await read()).toMatchObject({ isNew: false, heard: undefined })
    await open`commit`
    const { heard } = await read()
    const [{ read_at }] = await ledger.sql<[{ read_at: string }]>`
      select to_json(read_at at time zone 'UTC') #>> '{}' || 'Z' as read_at
        from ledger.get_users(array[${id}::bigint])`
    // What was read before that may lack the debit; what is read from now on has it.
    expect(heard!.since < read_at).toBe(true)
    expect((await read()).heard).toMatchObject({ since: heard!.since })
  })

  test('does not wait for who has locked no user', async () => {
    const other = ledger.connect()
    await other`begin`
    await other`create temporary table work (id bigint)`
    try {
      const read = newReader()
      expect([(await read()).heard, (await read()).heard]).toEqual([undefined, expect.anything()])
    } finally {
      await other`rollback`
    }
  })
})

describe('once in step', () => {
  let read: Read
  beforeEach(async () => {
    read = await begin()
  })

  test('an open transaction keeps nobody else from being heard', async () => {
    const [slow, quick] = [await ledger.user(10), await ledger.user(10)]
    await read()
    const open = await begun(slow)
    await ledger.sql`select debit_user(${quick}, 1)`
    expect(await read()).toMatchObject({ versions: [[quick, 2]], heard: expect.anything() })
    expect(await read()).toMatchObject({ versions: [], heard: expect.anything() })
    await open`commit`
    expect(await read()).toMatchObject({ versions: [[slow, 2]], heard: expect.anything() })
    expect((await read()).versions).toEqual([])
  })

  test('who got a transaction id late and an id early is not given up', async () => {
    const [first, second] = [await ledger.user(10), await ledger.user(10)]
    await read()
    const [low, high] = [ledger.connect(), ledger.connect()]
    for (const sql of [low, high]) {
      await sql`begin`
      await sql`select pg_current_xact_id()`
    }
    // The snapshot's xmax is next to `low`, so it is no higher than the number of `high`.
    await high`select debit_user(${first}, 1)`
    await low`select debit_user(${second}, 1)`
    await low`commit`
    expect(idsOf(await read())).toEqual([second])
    for (let i = 0; i < 3; i++) expect(idsOf(await read())).toEqual([])
    await high`commit`
    expect(idsOf(await read())).toEqual([first])
  })

  test('what ends between the snapshot and the look for who is open is not given up', async () => {
    const [slow, quick] = [await ledger.user(10), await ledger.user(10)]
    const open = ledger.connect()
    let isEnding = false
    const reader = createChangeReader(async (request) => {
      const changes = await getChanges(database, request)
      if (!isEnding) return changes
      isEnding = false
      await open`commit`
      const { oldestOpen } = await getChanges(database, request)
      return { ...changes, oldestOpen }
    })
    await expect.poll(async () => (await reader()).heard).toBeDefined()
    await open`begin`
    await open`select debit_user(${slow}, 1)`
    await ledger.sql`select debit_user(${quick}, 1)`
    expect(idsOf(await reader())).toEqual([quick])
    isEnding = true
    expect(idsOf(await reader())).toEqual([])
    expect(idsOf(await reader())).toEqual([slow])
  })

  test('what was rolled back is given up', async () => {
    const [slow, quick] = [await ledger.user(10), await ledger.user(10)]
    const missing: number[] = []
    const reader = createChangeReader((request) => {
      missing.push(request.missing.length)
      return getChanges(database, request)
    })
    await expect.poll(async () => (await reader()).heard).toBeDefined()
    const open = await begun(slow)
    await ledger.sql`select debit_user(${quick}, 1)`
    await reader()
    await open`rollback`
    await expect.poll(async () => (await reader(), missing.at(-1))).toBe(0)
    expect(missing).toContain(1)
  })
})

type Step = { kind: 'debit' | 'hold' | 'end' | 'abort' | 'insert' | 'read'; who: number }
const CALLERS = 4

test('after every reading everything that had been committed before is told of', async () => {
  const users = await Promise.all(Array.from({ length: CALLERS }, () => ledger.user(1_000_000)))
  const callers = users.map(() => ledger.connect())
  const step = fc.record<Step>({
    kind: fc.constantFrom(
      'debit',
      'debit',
      'hold',
      'end',
      'end',
      'abort',
      'insert',
      'read',
      'read',
    ),
    who: fc.nat(CALLERS - 1),
  })

  async function run(steps: Step[]) {
    const read = await begin()
    const versions = new Map<number, number>()
    const open = new Set<number>()
    const end = async (who: number, how: 'commit' | 'rollback') => {
      if (open.delete(who)) await callers[who]!.unsafe(how)
    }
    for (const { kind, who } of steps) {
      const sql = callers[who]!
      if (kind === 'read') {
        const reading = await read()
        for (const [id, version] of reading.versions) versions.set(id, version)
        expect(reading.heard).toBeDefined()
        const now = await ledger.sql<{ id: string; version: string; before: string }[]>`
          select id, version from ledger.get_users(${`{${users.join(',')}}`}::bigint[])`
        for (const { id, version } of now) {
          const known = versions.get(Number(id)) ?? before.get(Number(id))
          expect([id, known]).toEqual([id, Number(version)])
        }
      } else if (kind === 'end') await end(who, 'commit')
      else if (kind === 'abort') await end(who, 'rollback')
      else {
        if (!open.has(who)) await sql`begin`
        open.add(who)
        const id = users[who]!
        if (kind === 'debit') await sql`select debit_user(${id}, 1)`
        if (kind === 'hold') await sql`select place_hold(${id}, 1)`
        if (kind === 'insert') {
          await sql`insert into payment_history (user_id, action, amount)
            values (${id}, 'CREDIT', 1)`
        }
      }
    }
    for (const who of open) await end(who, 'commit')
  }

  const before = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const rows = await ledger.sql<{ id: string; version: string }[]>`
        select id, version from ledger.get_users(${`{${users.join(',')}}`}::bigint[])`
      for (const { id, version } of rows) before.set(Number(id), Number(version))
      await run(steps)
    }),
    { seed: 20261127, numRuns: 40 },
  )
})
