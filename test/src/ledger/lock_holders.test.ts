/** A transaction that somebody forgot locks users: the log says whose it is. */
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { watchLockHolders } from '../../../src/ledger/lock_holders.ts'
import { connectTo, createUser } from '../../support/ledger.ts'
import { startTestService, type TestService } from '../../support/service.ts'

type Line = Record<string, unknown>

let service: TestService
let sql: postgres.Sql
let shift: postgres.Sql
const lines: Line[] = []

beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation((text: string) => void lines.push(JSON.parse(text)))
  service = await startTestService({ logLevel: 'warn' })
  sql = connectTo(service.database.url)
  shift = postgres(service.database.url, {
    max: 1,
    connection: { application_name: 'evening shift' },
    onnotice: () => {},
  })
})
afterAll(async () => {
  await shift.end()
  await sql.end()
  await service.close()
  vi.restoreAllMocks()
})

async function credit(id: number): Promise<number> {
  const response = await fetch(`${service.url}/users/${id}/credit`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"amount":1}',
  })
  await response.body?.cancel()
  return response.status
}

const said = () => lines.filter(({ what }) => what === 'users are locked')

test('the log names whose transaction has locked users that operations wait for', async () => {
  const [held, free] = [await createUser(sql), await createUser(sql)]
  let waiting: Promise<number> | undefined
  await shift.begin(async (tx) => {
    const [{ name, began }] = await tx<[{ name: string; began: Date }]>`
      select 'process ' || pg_backend_pid() as name, now() as began`
    await tx`select credit_user(${held}, 1)`
    waiting = credit(held)
    await expect.poll(said).not.toEqual([])
    expect(said()[0]).toMatchObject({
      level: 'warn',
      why: name,
      role: 'postgres',
      application: 'evening shift',
      users: 1,
    })
    // When others' transactions began the service may not know, and says since when it knows.
    expect(Date.parse(said()[0]!['since'] as string)).toBeGreaterThanOrEqual(began.getTime())
    expect(await credit(free)).toBe(201)
  })
  expect(await waiting).toBe(201)
  expect(said()).toHaveLength(1)
})

test('PostgreSQL is not asked while no user is locked', async () => {
  const read = vi.fn(() => Promise.resolve([]))
  let lockedUsers = 0
  let asked = 0
  const stop = watchLockHolders({
    lockedUsers: () => (asked++, lockedUsers),
    read,
    log: { warn: () => {} },
    intervalMs: 1,
  })
  await expect.poll(() => asked).toBeGreaterThan(1)
  expect(read).not.toHaveBeenCalled()
  lockedUsers = 1
  await expect.poll(() => read.mock.calls.length).toBeGreaterThan(0)
  stop()
})

test('PostgreSQL is asked once at a time, however long it takes to answer', async () => {
  let asked = 0
  let looks = 0
  let respond = () => {}
  const stop = watchLockHolders({
    lockedUsers: () => (looks++, 1),
    read: () => {
      asked++
      return new Promise((resolve) => respond = () => resolve([]))
    },
    log: { warn: () => {} },
    intervalMs: 1,
  })
  await expect.poll(() => asked).toBeGreaterThan(0)
  // Many intervals of this clock later.
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setTimeout(resolve, 1))
  expect([asked, looks]).toEqual([1, 1])
  respond()
  await expect.poll(() => asked).toBeGreaterThan(1)
  stop()
})
