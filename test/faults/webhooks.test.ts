/**
 * kill -9 of a service that delivers webhooks: every receiver gets every event, in order. Another
 * instance may deliver half a minute later; unless LEDGER_TEST_SHARE is above 1, that is at once.
 */
import { type AddressInfo, createServer } from 'node:net'
import type postgres from 'postgres'
import { afterAll, expect, onTestFinished, test, vi } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { connectTo, createUser } from '../support/ledger.ts'
import { type Receiver, SECRET, startReceiver, webhooksFile } from '../src/webhooks/receivers.ts'
import { SHARE, shareOf } from '../support/share.ts'
import { type ServiceProcess, startServiceProcess } from './service_process.ts'

const USERS = 6
const DEBITS = shareOf(30, 12)
const KILLS = shareOf(2)

const file = webhooksFile()
const receivers: Receiver[] = []
const dead = createServer((socket) => socket.destroy())
afterAll(() => {
  dead.close()
  for (const one of receivers) one.close()
  file.remove()
})

/** The position of an event, which its id begins with. */
const positionOf = (id: string) => Number(id.split('-')[0])

/** Of each user the ids in the order in which they came first. */
function firstOf({ taken }: Receiver): Map<number, string[]> {
  const byUser = new Map<number, string[]>()
  const seen = new Set<string>()
  for (const { id, message: { user_id } } of taken) {
    if (seen.has(id)) continue
    seen.add(id)
    byUser.set(user_id, [...byUser.get(user_id) ?? [], id])
  }
  return byUser
}

/** A database with users, and services on it that deliver to the receivers of the file. */
async function useServices() {
  const database = await createDatabase()
  const sql = connectTo(database.url)
  const users = await Promise.all(Array.from({ length: USERS }, () => createUser(sql, 1000)))
  const env = { DATABASE_URL: database.serviceUrl, WEBHOOKS_FILE: file.path, ACCESS_LOG: 'off' }
  const services: ServiceProcess[] = []
  const start = async () => {
    const service = await startServiceProcess(env)
    services.push(service)
    return service
  }
  onTestFinished(async () => {
    await Promise.all(services.map((service) => service.kill()))
    await sql.end()
    await database.drop()
  })
  const debitAll = async (times: number) => {
    for (let n = 0; n < times; n++) {
      for (const id of users) await sql`select debit_user(${id}, 1)`
    }
  }
  return { sql, start, debitAll }
}

/** As if the half minute were over for which the killed one has the receivers. */
const letGo = (sql: postgres.Sql) => sql`update ledger.webhooks set held_until = now()`

/** Up to where the only receiver has everything, and who delivers to it for how long. */
async function keptIn(sql: postgres.Sql) {
  const [row] = await sql<{ holder: string; position: number; isSoonOver: boolean }[]>`
    select holder, position::int, held_until <= now() + interval '30 s' as "isSoonOver"
      from ledger.webhooks`
  return row ?? { holder: '', position: 0, isSoonOver: false }
}

/** Everything came, of each user in order, and doubles only as what they are. */
async function expectAll(sql: postgres.Sql, receiver: Receiver) {
  const expected = (await sql<{ id: string }[]>`
    select id from payment_history where seq is not null order by id`).map(({ id }) => Number(id))
  await vi.waitUntil(() => new Set(receiver.taken.map(({ id }) => id)).size >= expected.length)
  const byUser = firstOf(receiver)
  expect([...byUser.values()].flat().map(positionOf).toSorted((a, b) => a - b)).toEqual(expected)
  for (const ids of byUser.values()) {
    expect(ids.map(positionOf)).toEqual(ids.map(positionOf).toSorted((a, b) => a - b))
  }
  const contents = new Map<string, object>()
  for (const { id, message } of receiver.taken) {
    expect(message).toEqual(contents.get(id) ?? message)
    contents.set(id, message)
  }
}

test(
  'beside a failing and a dead receiver, nothing is lost and each user is in order',
  async () => {
    const [good, failing] = [await startReceiver(), await startReceiver()]
    receivers.push(good, failing)
    // It ends every connection, and keeps its port from others.
    await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve))
    const { port } = dead.address() as AddressInfo
    failing.respond = () => failing.attempts.length % 40 === 1 ? 503 : 204
    const named = { good: good.url, failing: failing.url, dead: `http://127.0.0.1:${port}/` }
    file.write(
      Object.entries(named).map(([name, url]) => ({ name, url, secrets: [SECRET], from: 'first' })),
    )
    const { sql, start, debitAll } = await useServices()
    const service = await start()
    for (let part = 0; part <= KILLS; part++) {
      const before = good.taken.length
      await debitAll(DEBITS / (KILLS + 1))
      if (part === KILLS) break
      await vi.waitUntil(() => good.taken.length > before)
      await service.kill()
      await letGo(sql)
      await service.start()
    }
    for (const one of [good, failing]) await expectAll(sql, one)
    expect(failing.attempts.length).toBeGreaterThan(failing.taken.length)
  },
)

test('another instance, which runs already, goes on from the position that was kept', async () => {
  const receiver = await startReceiver()
  receivers.push(receiver)
  file.write([{ name: 'kept', url: receiver.url, secrets: [SECRET], from: 'first' }])
  const { sql, start, debitAll } = await useServices()
  const first = await start()
  await debitAll(DEBITS / 3)
  await vi.waitUntil(async () => (await keptIn(sql)).position > 0)
  const before = await keptIn(sql)
  await start()
  await debitAll(DEBITS / 3)
  await vi.waitUntil(() => receiver.taken.length > USERS * DEBITS / 2)
  await first.kill()
  const { holder, position, isSoonOver } = await keptIn(sql)
  expect(holder).toBe(before.holder)
  expect(isSoonOver).toBe(true)
  const attempts = receiver.attempts.length
  await debitAll(DEBITS / 3)
  if (SHARE <= 1) await letGo(sql)
  await expectAll(sql, receiver)
  expect(Math.min(...receiver.attempts.slice(attempts).map(positionOf))).toBeGreaterThan(position)
  expect((await keptIn(sql)).holder).not.toBe(holder)
})
