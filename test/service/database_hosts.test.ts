/** Which server a query goes to when the URL names several, or a socket; for each command alike. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createDatabase } from '../../src/database/database.ts'
import type { EmbeddedPostgres } from '../../dev/embedded_postgres.ts'
import { runTypeScript } from '../support/run_typescript.ts'
import { newCluster, startServer } from '../support/servers.ts'
import { serve } from '../support/service.ts'

let folder: string
const servers: EmbeddedPostgres[] = []
/** The first takes no writes, as a standby; both let in the same user. */
let readOnly: number
let writable: number

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-hosts-'))
  await chmod(folder, 0o777)
  for (const name of ['first', 'second']) {
    const server = await startServer(await newCluster(name), { unix_socket_directories: folder })
    servers.push(server)
    const sql = postgres(server.url, { max: 1 })
    await sql`alter role postgres password 'secret'`
    if (name === 'first') {
      await sql`create database ledger`
      await sql`alter system set default_transaction_read_only = on`
      await sql`select pg_reload_conf()`
    }
    await sql.end()
  }
  ;[readOnly, writable] = servers.map(({ port }) => port) as [number, number]
})

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()))
  const made = [folder, ...servers.map(({ dataDir }) => dataDir)]
  await Promise.all(made.map((path) => rm(path, { recursive: true, force: true })))
})

const urlOf = (hosts: string, query = '', database = 'postgres') =>
  `postgres://postgres:secret@${hosts}/${database}?${query}`

/** The port of the server that answers, or the code of the failure. */
async function portOf(url: string): Promise<number | string> {
  const database = createDatabase({ url, max: 2 })
  const ask = () =>
    database.run((sql) => sql<{ port: number }[]>`select current_setting('port')::int as port`)
  try {
    const ports = (await Promise.all([ask(), ask(), ask()])).map(([row]) => row!.port)
    expect(new Set(ports).size).toBe(1)
    return ports[0]!
  } catch (error) {
    return (error as { code: string }).code
  } finally {
    await database.end()
  }
}

test('a query goes to the first host that can be reached and is what was asked for', async () => {
  const [a, b] = [`127.0.0.1:${readOnly}`, `127.0.0.1:${writable}`]
  const gone = '127.0.0.1:1'
  const cases: [hosts: string, attributes: string, port: number | string][] = [
    [`${gone},${b}`, '', writable],
    [`${a},${b}`, '', readOnly],
    [`${gone},${a},${b}`, 'read-write', writable],
    [`${a},${b}`, 'primary', readOnly],
    [`${b},${a}`, 'read-only', readOnly],
    [`${a},${b}`, 'prefer-standby', readOnly],
    [`${a},${b}`, 'standby', 'WRONG_SERVER'],
    [a, 'read-write', 'WRONG_SERVER'],
    [`${gone},${gone}`, '', 'ECONNREFUSED'],
  ]
  for (const [hosts, attributes, port] of cases) {
    const query = attributes && `target_session_attrs=${attributes}`
    expect([hosts, attributes, await portOf(urlOf(hosts, query))]).toEqual([
      hosts,
      attributes,
      port,
    ])
  }
})

test('a socket is found in every spelling, and never asked for TLS', async () => {
  const socket = encodeURIComponent(folder)
  for (
    const url of [
      urlOf('', `host=${folder}&port=${writable}`),
      urlOf(`${socket}:${writable}`),
      urlOf(`${socket}:${writable}`, 'sslmode=require'),
      urlOf('', `host=/nowhere,${folder}&port=5432,${writable}`),
    ]
  ) expect([url, await portOf(url)]).toEqual([url, writable])
})

test('a write on a primary that has become a standby goes to the next host', async () => {
  const admin = postgres(urlOf(`127.0.0.1:${writable}`), { max: 1 })
  const hosts = `127.0.0.1:${writable},127.0.0.1:${readOnly}`
  const database = createDatabase({
    url: urlOf(hosts, 'target_session_attrs=read-write'),
    max: 1,
  })
  const write = () => database.run((sql) => sql`create table if not exists written (x int)`)
  try {
    await write()
    await admin`alter system set default_transaction_read_only = on`
    await admin`select pg_reload_conf()`
    const code = () => write().then(() => 'written', (error: { code: string }) => error.code)
    // Its processes read the settings again when they get to it.
    await expect.poll(code).toBe('WRONG_SERVER')
    await admin`alter system reset default_transaction_read_only`
    await admin`select pg_reload_conf()`
    await expect.poll(() => write().then(() => 'written', () => 'refused')).toBe('written')
  } finally {
    await admin.unsafe('set default_transaction_read_only = off')
    await admin`alter system reset default_transaction_read_only`
    await admin`select pg_reload_conf()`
    await admin.end()
    await database.end()
  }
})

test('migrations, verification and the service take the same host, or the same socket', async () => {
  const several = urlOf(
    `127.0.0.1:1,127.0.0.1:${readOnly},127.0.0.1:${writable}`,
    'target_session_attrs=read-write&application_name=x&gssencmode=disable',
    'ledger',
  )
  const socket = urlOf('', `host=${folder}&port=${writable}&sslmode=prefer`, 'ledger')
  await migrate(several)
  for (const url of [several, socket]) {
    await migrate(url)
    const settings = { LOG_LEVEL: 'silent', ACCESS_LOG: 'off', DATABASE_URL: url }
    const verified = runTypeScript('db/verify.ts', [], settings)
    expect([await verified.ended, verified.output()]).toEqual([0, expect.any(String)])
    const service = await serve({ ...loadConfig(settings), port: 0 })
    try {
      expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
      const made = await fetch(`${service.url}/users`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: '{}',
      })
      expect(made.status).toBe(201)
    } finally {
      await service.stop()
    }
  }
})
