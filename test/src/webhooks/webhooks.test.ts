/** Webhooks of a running service, to receivers that take, fail, hang and go away. */
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { useHttp } from '../../support/http.ts'
import { serve } from '../../support/service.ts'
import {
  OTHER_SECRET,
  type Received,
  type Receiver,
  SECRET,
  startReceiver,
  webhooksFile,
} from './receivers.ts'

const file = webhooksFile()
const http = useHttp({ webhooksFile: file.path })
const receivers: Receiver[] = []

async function receiver(secret?: string): Promise<Receiver> {
  const one = await startReceiver(secret)
  receivers.push(one)
  return one
}

afterEach(() => {
  for (const one of receivers.splice(0)) one.close()
})
afterAll(() => file.remove())

let count = 0
const nameOf = () => `receiver-${count++}`

const shown = ({ message: { type, user_id, data } }: Received) =>
  `${type} ${user_id}/${String(data['seq'] ?? data['number'])}`

/** Uses these receivers from now on; resolves when each has its position. */
async function use(...now: object[]) {
  const named = now.map((one) => ({ name: nameOf(), secrets: [SECRET], ...one }))
  file.write(named)
  for (const { name } of named) {
    await vi.waitUntil(
      async () => (await http.sql`select from ledger.webhooks where receiver = ${name}`).length > 0,
    )
  }
  return named
}

const scrape = async () => await (await fetch(`${http.service.url}/metrics`)).text()

test('each event comes once, signed with every secret, and in the order of its user', async () => {
  const [one, other] = [await receiver(), await receiver(OTHER_SECRET)]
  const [id, second] = [await http.user(100), await http.user(100)]
  const secrets = [SECRET, OTHER_SECRET]
  await use({ url: one.url, secrets }, { url: other.url, secrets, users: [second] })
  for (let n = 0; n < 10; n++) await http.sql`select transfer(${id}, ${second}, 1)`
  await http.sql`select place_hold(${id}, 5, 60), release_hold(${id}, 1), freeze_user(${id})`
  await vi.waitUntil(() => one.taken.length >= 23 && other.taken.length >= 10)
  expect(one.taken.map(shown).filter((name) => name.includes(` ${id}/`))).toEqual([
    ...Array.from({ length: 10 }, (_, n) => `entry.posted ${id}/${n + 2}`),
    `hold.placed ${id}/11`,
    `hold.released ${id}/11`,
    `user.frozen ${id}/1`,
  ])
  expect(new Set(one.attempts).size).toBe(23)
  expect(other.taken.map(shown))
    .toEqual(Array.from({ length: 10 }, (_, n) => `entry.posted ${second}/${n + 2}`))
  const { events } = await (await fetch(`${http.service.url}/events?user=${id}`)).json() as {
    events: unknown[]
  }
  expect(events).toContainEqual(one.taken[0]!.message)
})

test('a dead, a hanging and a failing receiver hold up no other, and miss nothing', async () => {
  const [good, failing, hanging] = [await receiver(), await receiver(), await receiver()]
  const id = await http.user(100)
  failing.respond = ({ id }) => failing.attempts.filter((one) => one === id).length < 3 ? 500 : 204
  hanging.respond = () => undefined
  const gone = await startReceiver()
  gone.close()
  const dead = { url: gone.url }
  const [, , , last] = await use(
    { url: good.url },
    { url: failing.url },
    { url: hanging.url },
    dead,
  )
  await http.sql`select debit_user(${id}, 1), debit_user(${id}, 2)`
  await vi.waitUntil(() => good.taken.length === 2)
  await vi.waitUntil(() => failing.taken.length === 2)
  expect(failing.taken.map(shown)).toEqual([`entry.posted ${id}/2`, `entry.posted ${id}/3`])
  // The same id for every attempt, and the next one only after the one before.
  expect(failing.attempts).toEqual([
    ...Array(3).fill(failing.taken[0]!.id),
    ...Array(3).fill(
      failing.taken[1]!.id,
    ),
  ])
  const metrics = await scrape()
  const lag = new RegExp(`^ledger_webhook_lag_seconds\\{receiver="${last!.name}"\\} (\\S+)`, 'm')
  expect(Number(lag.exec(metrics)![1])).toBeGreaterThan(0)
  expect(metrics).toMatch(
    new RegExp(`deliveries_total\\{receiver="${last!.name}",outcome="failed"\\} [1-9]`),
  )
})

test('a slow receiver holds up no other, and gets what it lacks in order', async () => {
  const [good, slow] = [await receiver(), await receiver()]
  const id = await http.user(100)
  const goodHasAll = new Promise<number>((resolve) => {
    good.respond = () => {
      if (good.attempts.length === 3) resolve(204)
      return 204
    }
  })
  slow.respond = () => goodHasAll
  await use({ url: slow.url, users: [id] }, { url: good.url, users: [id] })
  await http.sql`select debit_user(${id}, 1), debit_user(${id}, 2), debit_user(${id}, 3)`
  await vi.waitUntil(() => slow.taken.length === 3)
  expect(slow.taken.map(shown)).toEqual([2, 3, 4].map((seq) => `entry.posted ${id}/${seq}`))
  expect(good.taken.map(shown)).toEqual(slow.taken.map(shown))
})

test('a redirect is not followed', async () => {
  const one = await receiver()
  const id = await http.user(100)
  let isMoved = true
  one.respond = () => isMoved ? 307 : 204
  await use({ url: one.url })
  await http.sql`select debit_user(${id}, 1)`
  await vi.waitUntil(() => one.attempts.length >= 2)
  isMoved = false
  await vi.waitUntil(() => one.taken.length === 1)
  expect(one.taken[0]!.path).toBe('/hook')
})

test('410 ends it for that address, and another one gets what is missing', async () => {
  const one = await receiver()
  const id = await http.user(100)
  one.respond = () => 410
  const { name } = (await use({ url: one.url }))[0]!
  await http.sql`select debit_user(${id}, 1)`
  await vi.waitUntil(
    async () =>
      (await http.sql`select gone from ledger.webhooks where receiver = ${name}`)[0]!['gone'],
  )
  await http.sql`select debit_user(${id}, 2)`
  expect(http.logged.filter((line) => line.includes('a webhook is gone'))).toHaveLength(1)
  const next = await receiver()
  file.write([{ name, secrets: [SECRET], url: next.url }])
  await vi.waitUntil(() => next.taken.length === 2)
  expect(one.attempts).toHaveLength(1)
  expect(next.taken.map(shown)).toEqual([`entry.posted ${id}/2`, `entry.posted ${id}/3`])
})

test('from: first begins with the first event; types and thresholds choose', async () => {
  const id = await http.user(100)
  await http.sql`select debit_user(${id}, 60), debit_user(${id}, 1), credit_user(${id}, 50)`
  await http.sql`select debit_user(${id}, 89), freeze_user(${id})`
  const [below, frozen] = [await receiver(), await receiver()]
  const mine = { users: [id], from: 'first' }
  await use(
    { url: below.url, ...mine, types: ['balance.below'], balance_below: ['50.00', '10', '-1'] },
    { url: frozen.url, ...mine, types: ['user.frozen'] },
  )
  await vi.waitUntil(() => below.taken.length === 3 && frozen.taken.length === 1)
  expect(below.taken.map(({ message }) => message.data)).toEqual([
    { threshold: '50.00', balance: '40.00', seq: 2 },
    { threshold: '50.00', balance: '0.00', seq: 5 },
    { threshold: '10.00', balance: '0.00', seq: 5 },
  ])
  expect(new Set(below.attempts).size).toBe(3)
})

test('of several instances one delivers, and another one goes on when it stops', async () => {
  const one = await receiver()
  const id = await http.user(1000)
  const others = webhooksFile([{ name: 'shared', secrets: [SECRET], url: one.url, users: [id] }])
  file.write([])
  const services: Service[] = []
  for (let n = 0; n < 2; n++) {
    services.push(
      await serve({
        ...loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off' }),
        port: 0,
        databaseUrl: http.service.database.serviceUrl,
        webhooksFile: others.path,
      }),
    )
  }
  try {
    const claimed = async () => {
      const [row] = await http.sql`select holder from ledger.webhooks where receiver = 'shared'`
      return row?.['holder'] as string | undefined
    }
    await vi.waitUntil(claimed)
    for (let n = 0; n < 20; n++) await http.sql`select debit_user(${id}, 1)`
    await vi.waitUntil(() => one.taken.length >= 20)
    const holder = await claimed()
    await services[0]!.stop()
    await http.sql`select debit_user(${id}, 1)`
    await vi.waitUntil(() => one.taken.length >= 21)
    await services[1]!.stop()
    expect(one.attempts).toHaveLength(21)
    expect(one.taken.map(shown))
      .toEqual(Array.from({ length: 21 }, (_, n) => `entry.posted ${id}/${n + 2}`))
    expect(holder).toBeDefined()
  } finally {
    await Promise.all(services.map((service) => service.stop()))
    others.remove()
  }
})
