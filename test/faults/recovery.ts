/** Whether the service is again as it was, after a fault: what it answers, and what it holds. */
import { Agent } from 'node:http'
import { type HttpAnswer, send } from './http_channel.ts'
import { until } from './pause.ts'
import type { Record } from './record.ts'
import type { Harness } from './harness.ts'

/** It answers everything again soon after healing; by then at the latest it is known not to. */
const RECOVERY_MS = 100_000
/** A garbage collector lets memory grow before it looks; a leak of requests grows beyond this. */
const GROWTH_BYTES = 96 * 1024 * 1024
/**
 * All that the service's pools may hold: batches, waiting, reading (short, long), one that polls.
 */
const POOL = 2 + 8 + 4 + 3 + 1

export interface Size {
  residentBytes: number | undefined
  sockets: number | undefined
  connections: number
}

/** Waits until each instance answers each kind of request. @returns how many milliseconds */
export async function recover(agent: Agent, urls: string[], record: Record): Promise<number> {
  const since = performance.now()
  await Promise.all(
    urls.flatMap((url) =>
      requestsOf(record.ids).map(async ({ name, isAnswered }) => {
        const isBack = await until(RECOVERY_MS, () => isAnswered(agent, url))
        if (!isBack) record.violations.add(`${name} did not recover in ${RECOVERY_MS} ms`)
      })
    ),
  )
  return performance.now() - since
}

/** One of each kind of request that the service knows, and whether it is answered as it should. */
function requestsOf(ids: number[]) {
  const request = (
    name: string,
    path: string,
    wanted: (answer: HttpAnswer) => boolean,
    body?: object,
  ) => ({
    name,
    isAnswered: (agent: Agent, url: string) =>
      send(agent, body ? 'POST' : 'GET', url + path, { body }).then(wanted, () => false),
  })
  const is = (status: number) => (answer: HttpAnswer) => answer.status === status
  // Refused, so that it changes nothing, but by PostgreSQL.
  const amount = '9999999999.99'
  const isRefused = ({ body }: HttpAnswer) =>
    body['code'] === 'insufficient_funds' || body['code'] === 'user_frozen'
  return [
    request('readiness', '/readyz', is(200)),
    request('a snapshot', `/users/${ids[0]}`, is(200)),
    request('a history', `/users/${ids[1]}/history`, is(200)),
    request('a debit', `/users/${ids[2]}/debit`, isRefused, { amount }),
    request('a transfer', '/transfers', isRefused, { from: ids[2], to: ids[3], amount }),
    // Nobody writes to the system user: of others an unknown outcome may keep the cache away.
    request('the cache', '/users/1', ({ headers }) => headers['x-cache'] === 'hit'),
  ]
}

export const sizesOf = (harness: Harness): Promise<Size[]> =>
  harness.sql(async (sql) => {
    const [row] = await sql`select count(*)::int as n from pg_stat_activity
      where datname = current_database() and usename = 'ledger_service'`
    return await Promise.all(harness.services.map(async (service) => ({
      residentBytes: await service.residentBytes(),
      sockets: await service.openSockets(),
      connections: row!['n'] as number,
    })))
  })

/** Memory and connections are back to where they were. */
export async function checkSizes(harness: Harness, before: Size[]): Promise<void> {
  const { services, record } = harness
  let after: Size[] = []
  const isBack = await until(RECOVERY_MS, async () => {
    after = await sizesOf(harness)
    return after.every(({ residentBytes = 0, sockets = 0, connections }, i) =>
      residentBytes <= (before[i]!.residentBytes ?? 0) + GROWTH_BYTES &&
      sockets <= (before[i]!.sockets ?? 0) + POOL && connections <= services.length * POOL
    )
  })
  if (!isBack) {
    record.violations.add(`memory and connections: ${JSON.stringify({ before, after })}`)
  }
}
