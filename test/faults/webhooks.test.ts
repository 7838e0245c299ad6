/** kill -9 of a service that delivers webhooks: every receiver gets every event, in order. */
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, expect, test, vi } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { connectTo, createUser } from '../support/ledger.ts'
import { type Receiver, SECRET, startReceiver, webhooksFile } from '../src/webhooks/receivers.ts'
import { shareOf } from '../support/share.ts'
import { startServiceProcess } from './service_process.ts'

const USERS = 6
const DEBITS = 30
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
    const database = await createDatabase()
    const sql = connectTo(database.url)
    const users = await Promise.all(Array.from({ length: USERS }, () => createUser(sql, 1000)))
    const service = await startServiceProcess({
      DATABASE_URL: database.serviceUrl,
      WEBHOOKS_FILE: file.path,
      ACCESS_LOG: 'off',
    })
    try {
      for (let part = 0; part <= KILLS; part++) {
        const before = good.taken.length
        for (let n = 0; n < DEBITS / (KILLS + 1); n++) {
          for (const id of users) await sql`select debit_user(${id}, 1)`
        }
        if (part === KILLS) break
        await vi.waitUntil(() => good.taken.length > before)
        await service.kill()
        // As if the half minute were over for which the killed one has the receivers.
        await sql`update ledger.webhooks set held_until = now()`
        await service.start()
      }
      const expected = (await sql<{ id: string }[]>`
      select id from payment_history where seq is not null order by id`).map(({ id }) => Number(id))
      for (const one of [good, failing]) {
        await vi.waitUntil(
          () => new Set(one.taken.map(({ id }) => id)).size >= expected.length,
        )
        const byUser = firstOf(one)
        expect([...byUser.values()].flat().map(positionOf).toSorted((a, b) => a - b))
          .toEqual(expected)
        for (const ids of byUser.values()) {
          expect(ids.map(positionOf)).toEqual(ids.map(positionOf).toSorted((a, b) => a - b))
        }
      }
      expect(failing.attempts.length).toBeGreaterThan(failing.taken.length)
    } finally {
      await service.kill()
      await sql.end()
      await database.drop()
    }
  },
  200_000,
)
