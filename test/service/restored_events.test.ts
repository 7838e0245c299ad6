/** GET /events of ledgers that were restored on another server, or that one has taken over. */
import { mkdirSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import type { Service } from '../../src/service.ts'
import { type Cluster, createCluster, withSql } from '../faults/cluster.ts'
import { dumpRows, restoreRows } from '../support/copied_rows.ts'
import { caller, expectProblem, useHttp } from '../support/http.ts'
import { psqlIsMissing } from '../support/psql.ts'
import { serve } from '../support/service.ts'

const SSE = { Accept: 'text/event-stream' }

const http = useHttp()
let folder: string
/** Two that were made in the same way. */
let servers: Cluster[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-restored-events-'))
  await chmod(folder, 0o755)
  servers = await Promise.all([0, 1].map((n) =>
    createCluster({
      folder: join(folder, String(n)),
      // Nothing is ever found in the archive. That this machine fails is no part of the test.
      settings: { restore_command: 'false', fsync: 'off' },
    })
  ))
  await Promise.all(servers.map((server) => server.create('ledger')))
})
afterAll(async () => {
  await Promise.all(
    servers.filter((server) => server.isRunning())
      .map((server) => server.stop('immediate')),
  )
  await rm(folder, { recursive: true, force: true })
})

const names = (server: Cluster) =>
  withSql(server.urlOf('ledger'), async (sql) => {
    const [row] = await sql<[{ numbers: string; incarnation: string }]>`
      select format('%s %s', d.oid, 'payment_history'::regclass::oid) as numbers,
             ledger.incarnation() as incarnation
        from pg_database d where d.datname = current_database()`
    return row
  })

/** A service on the database of a server. */
async function serviceOn(server: Cluster): Promise<Service> {
  const url = new URL(server.urlOf('ledger'))
  Object.assign(url, { username: 'ledger_service', password: server.passwords.service })
  const config = loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off' })
  return await serve({ ...config, port: 0, databaseUrl: url.href, requestDeadlineMs: 10_000 })
}

interface Page {
  events: { id: string; user_id: number }[]
  next: string
}

/** A page of all that there is. */
async function pageOf(call: typeof http.call, after?: string): Promise<Page> {
  const { status, text } = await call('GET', `/events?limit=1000${after ? `&after=${after}` : ''}`)
  expect(status, text).toBe(200)
  return JSON.parse(text) as Page
}

const positionOf = ({ id }: { id: string }) => Number(id.split('-')[0])

test('incarnation() tells servers apart whose databases have the same numbers', async () => {
  const [one, other] = await Promise.all(servers.map(names))
  expect(one!.numbers).toBe(other!.numbers)
  expect(one!.incarnation).not.toBe(other!.incarnation)
})

test('incarnation() outlives a restart, and changes where a server takes over', async () => {
  const server = servers[1]!
  const before = await names(server)
  await server.stop('fast')
  await server.start()
  expect(await names(server)).toEqual(before)
  await server.stop('fast')
  // Recovers from what is in its archive, and then begins a new timeline.
  const file = join(server.folder, 'data', 'recovery.signal')
  await writeFile(file, '')
  await chmod(file, 0o666)
  await server.start()
  await expect.poll(async () => (await names(server)).incarnation).not.toBe(before.incarnation)
})

test.skipIf(psqlIsMissing)('a restored ledger says 410 to who read more, and goes on', async () => {
  const { sql, call } = http
  const id = await http.user(100)
  await sql`select debit_user(${id}, 1), place_hold(${id}, 5)`
  // Positions of what is no entry come last.
  await sql`select place_hold(${id}, 1), freeze_user(${id}), thaw_user(${id})`
  const kept = await pageOf(call)
  const dump = join(folder, 'dump')
  mkdirSync(dump)
  await dumpRows(http.service.database.url, dump)
  await sql`select debit_user(${id}, 2), debit_user(${id}, 3)`
  const lost = await pageOf(call, kept.next)
  expect(lost.events).toHaveLength(2)

  const server = servers[0]!
  await restoreRows(server.urlOf('ledger'), dump)
  const service = await serviceOn(server)
  try {
    const restored = caller(() => service.url)
    for (const headers of [{}, SSE]) {
      const gone = await restored('GET', `/events?after=${lost.next}`, undefined, headers)
      expectProblem(gone, 'cursor_gone')
      expect(gone.body).not.toHaveProperty('resume')
    }
    const known = await restored('GET', '/events', undefined, {
      ...SSE,
      'Last-Event-ID': kept.next,
    })
    const { resume } = known.body as { resume: string }
    expectProblem(known, 'cursor_gone', { resume })
    expect(await pageOf(restored, resume)).toEqual({ events: [], next: resume, has_more: false })

    await withSql(server.urlOf('ledger'), (sql) => sql`select debit_user(${id}, 4)`)
    const { events } = await pageOf(restored, resume)
    expect(events).toMatchObject([{ user_id: id }])
    // What the lost one had as its place, another event has now, which isn't taken for it.
    expect(positionOf(events[0]!)).toBeGreaterThan(positionOf(kept.events.at(-1)!))
    expectProblem(await restored('GET', `/events?after=${lost.events[0]!.id}`), 'cursor_gone')
    expect((await pageOf(restored)).events).toEqual([...kept.events, ...events])
  } finally {
    await service.stop()
  }
})
