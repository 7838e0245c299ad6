/** Streams and webhooks of a distributed ledger. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createLedgerClient } from '../../../client/ledger.ts'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { type Receiver, SECRET, startReceiver, webhooksFile } from '../../src/webhooks/receivers.ts'
import { citusIsMissing, useCitusLedger } from '../../support/citus.ts'
import { crash, healed, moveShard } from '../../support/citus_faults.ts'
import { codeOf, one } from '../../support/ledger.ts'
import { serve } from '../../support/service.ts'

const ledger = useCitusLedger({ isDistributed: true })
const USERS = [101, 102, 103, 104, 105, 106]
let service: Service
let receiver: Receiver
const file = webhooksFile()

async function start(): Promise<void> {
  const config = loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off', DATABASE_URL: ledger.url })
  const settings = { port: 0, requestDeadlineMs: 20_000, webhooksFile: file.path }
  service = await serve({ ...config, ...settings })
}

beforeAll(async () => {
  if (citusIsMissing) return
  receiver = await startReceiver()
  const common = { url: receiver.url, secrets: [SECRET] }
  file.write([
    { ...common, name: 'all', from: 'first' },
    {
      ...common,
      name: 'below',
      url: `${receiver.url}/below`,
      types: ['balance.below'],
      balance_below: ['99.00'],
      from: 'first',
    },
  ])
  await start()
  const sql = ledger.connect()
  for (const user of USERS) await sql`select create_user(${user}), credit_user(${user}, 100)`
})
afterAll(async () => {
  await service?.stop()
  receiver?.close()
  file.remove()
})

/** Debits every user, as often as it takes, though a server may be down. */
async function debitAll(times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    for (const user of USERS) {
      const key = crypto.randomUUID()
      await vi.waitUntil(async () => {
        const response = await fetch(`${service.url}/users/${user}/debit`, {
          method: 'POST',
          body: '{"amount":"0.50"}',
          headers: { 'content-type': 'application/json', 'idempotency-key': key },
        })
        await response.body?.cancel()
        return response.status === 201
      }, { interval: 50 })
    }
  }
}

/** The numbers of the entries of each user in the order of their delivery, each once. */
function deliveredTo(path: string): Record<string, number[]> {
  const seen = new Set<string>()
  const seqs: Record<string, number[]> = {}
  for (const { id, message: { user_id: user, data }, path: at } of receiver.taken) {
    if (at !== path || seen.has(id)) continue
    seen.add(id)
    ;(seqs[user] ??= []).push(data['seq'] as number)
  }
  return seqs
}

const firstTo = (last: number) =>
  Object.fromEntries(
    USERS.map((user) => [user, Array.from({ length: last }, (_, n) => n + 1)]),
  )

test.skipIf(citusIsMissing)(
  'a stream goes on while a shard moves and a server crashes',
  async () => {
    const seqs: Record<string, number[]> = {}
    const events = createLedgerClient({ url: service.url }).events({ after: 'now' })
    const following = (async () => {
      for await (const event of events) {
        ;(seqs[event.user_id] ??= []).push((event.data as { seq: number }).seq)
        if (
          Object.values(seqs).every(({ length }) => length >= 12) &&
          Object.keys(seqs).length === USERS.length
        ) return
      }
    })()
    await vi.waitUntil(async () => {
      const text = await (await fetch(`${service.url}/metrics`)).text()
      return text.includes('\nledger_event_streams 1\n')
    })
    await debitAll(4)
    await moveShard(ledger, USERS[0]!, 'block_writes')
    await debitAll(4)
    await crash(ledger.workerUrls[0]!)
    await debitAll(4)
    await following
    const expected = Object.fromEntries(
      USERS.map((user) => [user, Array.from({ length: 12 }, (_, n) => n + 2)]),
    )
    expect(seqs).toEqual(expected)
  },
)

test.skipIf(citusIsMissing)('webhooks get everything, in the order of each user', async () => {
  await healed(ledger)
  await vi.waitUntil(() => Object.values(deliveredTo('/hook')).flat().length >= USERS.length * 13)
  expect(deliveredTo('/hook')).toEqual(firstTo(13))
  await vi.waitUntil(() => Object.keys(deliveredTo('/hook/below')).length === USERS.length)
  expect(deliveredTo('/hook/below')).toEqual(Object.fromEntries(USERS.map((user) => [user, [4]])))
})

test.skipIf(citusIsMissing)('whoever delivers next goes on where it was', async () => {
  await service.stop()
  const before = receiver.taken.length
  await debitAllInSql()
  await start()
  await vi.waitUntil(() => Object.values(deliveredTo('/hook')).flat().length >= USERS.length * 14)
  expect(deliveredTo('/hook')).toEqual(firstTo(14))
  // Not from the beginning; what was on its way may come once more.
  expect(receiver.taken.length - before).toBeLessThan(USERS.length * 14)
})

async function debitAllInSql(): Promise<void> {
  const sql = ledger.connect()
  for (const user of USERS) {
    await vi.waitUntil(async () => await codeOf(sql`select debit_user(${user}, 1)`) === 'ok')
  }
}

test.skipIf(citusIsMissing)(
  'after another server took over it goes on behind what was read',
  async () => {
    await service.stop()
    const sql = ledger.connect()
    const stored = (await one(sql<{ cursor: string }[]>`
    select cursor from ledger.webhooks where receiver = 'all'`)).cursor
    // As if the cursor were from the time before.
    const other = stored.replace(/(~1\.\d+\.)[0-9a-f]{8}/, `$1${'f'.repeat(8)}`)
    expect(other).not.toBe(stored)
    await sql`update ledger.webhooks set cursor = ${other} where receiver = 'all'`
    await start()
    const answer = await fetch(`${service.url}/events?after=${encodeURIComponent(other)}`)
    const gone = await answer.json() as { code: string; resume: string }
    expect([answer.status, gone]).toMatchObject([410, { code: 'cursor_gone' }])
    expect(gone.resume).not.toContain('ffffffff')
    await debitAllInSql()
    await vi.waitUntil(() => Object.values(deliveredTo('/hook')).flat().length >= USERS.length * 15)
    expect(deliveredTo('/hook')).toEqual(firstTo(15))
    // Of what isn't there any more nothing is the same.
    const lost = stored.replace(/^[0-9a-f]{16}/, '1'.repeat(16))
    const none = await fetch(`${service.url}/events?after=${encodeURIComponent(lost)}`)
    expect([none.status, await none.json()]).toMatchObject([410, { code: 'cursor_gone' }])
  },
)
