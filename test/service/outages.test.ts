/**
 * What an operator can read when something that the service depends on is gone, and callers get.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { freePort } from '../../dev/ports.ts'
import type { Service } from '../../src/service.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { serve } from '../support/service.ts'

type Line = Record<string, unknown>

let lines: Line[]
let database: TestDatabase
let service: Service | undefined

beforeEach(async () => {
  lines = []
  vi.spyOn(console, 'error').mockImplementation((text: string) => void lines.push(JSON.parse(text)))
  vi.spyOn(console, 'log').mockImplementation(() => {})
  database = await createDatabase()
})
afterEach(async () => {
  await service?.stop()
  service = undefined
  await database.drop()
  vi.restoreAllMocks()
})

async function start(config: Partial<Config>): Promise<string> {
  service = await serve({
    ...loadConfig({ LOG_LEVEL: 'info', ACCESS_LOG: 'off' }),
    port: 0,
    databaseUrl: database.serviceUrl,
    ...config,
  })
  return service.url
}

const send = (url: string, body?: object, headers = {}) =>
  fetch(url, {
    headers: { ...(body && { 'Content-Type': 'application/json' }), ...headers },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  })

const codeOf = async (
  response: Response,
) => [response.status, (await response.json() as { code: string }).code]

const linesWith = (fields: Line) =>
  lines.filter((line) => Object.entries(fields).every(([name, value]) => line[name] === value))

test.each([
  ['a wrong password', (url: URL) => url.password = 'wrong', '28P01'],
  ['a port that nobody listens on', (url: URL) => url.port = '1', 'ECONNREFUSED'],
  ['a database that is gone', (url: URL) => url.pathname = '/gone', '3D000'],
])('%s is one line for many requests, with its cause and no secret', async (_, change, code) => {
  const url = new URL(database.serviceUrl)
  change(url)
  const base = await start({ databaseUrl: url.href })
  for (let n = 0; n < 2; n++) {
    expect(await codeOf(await send(`${base}/users/1`))).toEqual([503, 'busy'])
    expect(await codeOf(await send(`${base}/users/1/debit`, { amount: 1 }))).toEqual([503, 'busy'])
    const { results: [debit] } = await (await send(`${base}/debits`, [{ user_id: 1, amount: 1 }]))
      .json() as { results: [Line] }
    expect(debit).toMatchObject({ status: 503, code: 'busy' })
  }
  const [first, ...others] = linesWith({ level: 'error', code })
  expect([first!['why'], others]).toEqual([expect.any(String), []])
  await service!.stop()
  expect(linesWith({ level: 'error', code })).toMatchObject([{}, { repeated: 5 }])
  expect(JSON.stringify(lines)).not.toMatch(new RegExp(`wrong"|${url.password}`))
})

test('a database that takes nobody is busy, and one line', async () => {
  const base = await start({})
  const admin = postgres(inject('databaseUrl'), { max: 1, onnotice: () => {} })
  const name = new URL(database.url).pathname.slice(1)
  await admin`alter database ${admin(name)} allow_connections false`
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`
  await expect.poll(async () => codeOf(await send(`${base}/users/1`))).toEqual([503, 'busy'])
  for (let n = 0; n < 3; n++) {
    expect(await codeOf(await send(`${base}/users/1`))).toEqual([503, 'busy'])
    expect(await codeOf(await send(`${base}/users/1/debit`, { amount: 1 }))).toEqual([503, 'busy'])
  }
  expect(linesWith({ level: 'error', code: '55000' })).toHaveLength(1)
  await admin`alter database ${admin(name)} allow_connections true`
  await admin.end()
})

test('a list of debits alone says why it failed', async () => {
  const url = new URL(database.serviceUrl)
  url.port = '1'
  const base = await start({ databaseUrl: url.href })
  await (await send(`${base}/debits`, [{ user_id: 1, amount: 1 }])).text()
  expect(linesWith({ level: 'error', code: 'ECONNREFUSED' })).toHaveLength(1)
})

test.each([
  ['refuses', undefined, /ECONNREFUSED|refused/i],
  ['refuses the token', { status: 401, body: '{"error":"WRONGPASS secret"}' }, /401/],
  ['answers HTML', { status: 200, body: '<html>secret</html>' }, /JSON/],
  ['is full', { status: 200, body: '[{"error":"OOM secret"}]' }, /OOM|unanswered/],
])('a Redis that %s is one line, and reads go on', async (_, answer, why) => {
  const redis = createServer((_request, response) => {
    response.writeHead(answer!.status).end(answer!.body)
  })
  await new Promise<void>((resolve) => redis.listen(0, '127.0.0.1', resolve))
  const { port } = redis.address() as AddressInfo
  if (!answer) await new Promise((resolve) => redis.close(resolve))
  const base = await start({ redis: { url: `http://127.0.0.1:${port}`, token: 'secret' } })
  const made = await (await send(`${base}/users`, {})).json() as { id: number }
  for (let n = 0; n < 5; n++) {
    expect((await send(`${base}/users/${made.id}/credit`, { amount: 1 })).status).toBe(201)
    expect((await send(`${base}/users/${made.id}`)).status).toBe(200)
  }
  const said = linesWith({ level: 'warn', what: 'Redis fails' })
  expect(said).toHaveLength(1)
  expect(JSON.stringify(said)).toMatch(why)
  expect(JSON.stringify(lines)).not.toContain('secret')
  redis.close()
})

test('an issuer that is gone is a line with the cause', async () => {
  const encode = (value: object) => btoa(JSON.stringify(value)).replace(/=+$/, '')
  const token = `${encode({ alg: 'ES256', kid: 'a', typ: 'JWT' })}.${encode({ sub: 'x' })}.AAAA`
  const base = await start({
    jwt: {
      jwksUrl: `https://127.0.0.1:${await freePort()}/jwks?token=secret`,
      algorithms: ['ES256'],
      issuer: 'https://issuer.example/',
      audience: 'ledger',
    },
  })
  const asked = await send(`${base}/users/1`, undefined, { Authorization: `Bearer ${token}` })
  expect(await codeOf(asked)).toEqual([503, 'busy'])
  expect(JSON.stringify(linesWith({ what: 'no keys for JWT' }))).toMatch(/ECONNREFUSED|refused/i)
  expect(JSON.stringify(lines)).not.toMatch(/secret/)
})

test('without the schema callers get busy, and /readyz and the log say npm run migrate', async () => {
  const admin = postgres(inject('databaseUrl'), { max: 1, onnotice: () => {} })
  const name = `empty_${crypto.randomUUID().replaceAll('-', '')}`
  await admin`create database ${admin(name)}`
  try {
    const url = new URL(database.serviceUrl)
    url.pathname = name
    const base = await start({ databaseUrl: url.href })
    expect(linesWith({ what: 'started, but not ready yet' })[0]!['why']).toMatch(/npm run migrate/)
    const ready = await send(`${base}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([
      503,
      expect.objectContaining({ detail: expect.stringMatching(/npm run migrate/) as string }),
    ])
    for (
      const [path, body] of [
        ['/users/1'],
        ['/users/1/history'],
        ['/users/1/verify'],
        ['/users/1/balance?at=2020-01-01T00:00:00Z'],
        ['/users', {}],
        ['/users/1/debit', { amount: 1 }],
        ['/users/1/holds', { amount: 1 }],
        ['/users/1/recalculate', {}],
        ['/transfers', { from: 1, to: 2, amount: 1 }],
      ] as [string, object?][]
    ) expect([path, ...await codeOf(await send(base + path, body))]).toEqual([path, 503, 'busy'])
    const { results: [debit] } = await (await send(`${base}/debits`, [{ user_id: 1, amount: 1 }]))
      .json() as { results: [Line] }
    expect(debit).toMatchObject({ status: 503, code: 'busy' })
  } finally {
    await service!.stop()
    await admin`drop database ${admin(name)} with (force)`
    await admin.end()
  }
})
