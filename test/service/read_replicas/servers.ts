/** A primary with a standby, a service on both, and which of them answers. */
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { caller } from '../../support/http.ts'
import { connectTo, one } from '../../support/ledger.ts'
import { serve } from '../../support/service.ts'
import { type Replicated, startReplicated } from '../../support/standby.ts'

export let servers: Replicated
export let primary: postgres.Sql
export let standby: postgres.Sql
export let service: Service

export const call = caller(() => service.url)

beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  servers = await startReplicated()
  primary = connectTo(servers.primary.url)
  standby = connectTo(servers.standby.url)
  await primary`select credit_user(1, 10)`
  service = await serve({
    ...loadConfig({
      LOG_LEVEL: 'warn',
      ACCESS_LOG: 'off',
      DATABASE_URL: servers.primaryUrl,
      DATABASE_READ_URL: servers.standbyUrl,
    }),
    port: 0,
  })
  await untilReplayed(1)
  // The name of the primary's database is known after the first poll.
  await vi.waitUntil(async () => (await serverOf('/users/1/history?min_seq=1')) === 'standby')
})
afterAll(async () => {
  await service.stop()
  await Promise.all([primary, standby].map((sql) => sql.end({ timeout: 0 })))
  await servers.close()
  vi.restoreAllMocks()
})

/** Starts the standby again. It goes on where it is, on its own timeline. */
export async function restartStandby(): Promise<void> {
  await standby.end({ timeout: 0 })
  await servers.standby.stop()
  await servers.restart()
  standby = connectTo(servers.standby.url)
}

/** Resolves once the standby has that entry. */
export const untilReplayed = (seq: number, userId = 1) =>
  vi.waitUntil(async () =>
    (await standby`select from payment_history where user_id = ${userId} and seq = ${seq}`)
      .length === 1
  )

/** How many reads each server has answered. */
export async function counts(): Promise<Record<string, number>> {
  const { text } = await call('GET', '/metrics')
  return Object.fromEntries(
    [...text.matchAll(/^ledger_history_reads_total\{server="(\w+)"\} (\d+)$/gm)]
      .map(([, server, count]) => [server!, Number(count)]),
  )
}

/** What a request answers, and which servers did. */
export async function read(path: string, headers = {}) {
  const before = await counts()
  const { status, body } = await call('GET', path, undefined, headers)
  const after = await counts()
  const server = Object.keys(after).filter((name) => after[name]! > before[name]!).join()
  return { status, body, server }
}

/** Which servers answered the reads of a request. */
export async function serverOf(path: string, headers = {}): Promise<string> {
  const { status, server } = await read(path, headers)
  expect(status).toBe(200)
  return server
}

export const postedAt = async (seq: number) =>
  encodeURIComponent(
    (await one(primary<{ at: string }[]>`
      select to_json(sealed_at) #>> '{}' as at from payment_history
       where user_id = 1 and seq = ${seq}`)).at,
  )
