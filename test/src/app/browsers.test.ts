/** What pages of other origins send through somebody's browser, whether they ask before or not. */
import { request } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { SCOPES } from '../../../src/auth/scopes.ts'
import { bearer, tokensFile } from '../../support/access.ts'
import { type Answer, expectNothingWritten, expectProblem, useHttp } from '../../support/http.ts'
import type { Service } from '../../../src/service.ts'
import { serve } from '../../support/service.ts'
import type { Config } from '../../../src/config/config.ts'

const http = useHttp()

const NOT_LISTED = { detail: 'Pages of this origin are not in CORS_ORIGINS.' }
const NOT_OURS = { detail: 'While access is off, Host must be an address or in ALLOWED_HOSTS.' }

/** All of it, to the letter; `what` tells which of several. */
function expectForbidden(answer: Sending, details: object, what?: string): void {
  const { status, headers, text, body } = answer
  expectProblem({ status, headers, text, body }, 'forbidden', details, {}, what)
}

type Headers = Record<string, string>

/** With all of its header fields. */
type Sending = Answer & { all: Headers }

interface Sent {
  method: string
  path: string
  headers?: Headers
  body?: string
}

/** fetch would set Host and Origin itself. */
function send(url: string, { method, path, headers = {}, body }: Sent) {
  return new Promise<Sending>((resolve, reject) => {
    const { hostname, port } = new URL(url)
    request({ hostname, port, method, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => text += part)
      response.on('end', () => {
        const all = response.headers as Headers
        const type = all['content-type']
        const challenge = all['www-authenticate']
        resolve({
          status: response.statusCode!,
          headers: {
            ...(type !== undefined && { 'content-type': type }),
            ...(challenge !== undefined && { 'www-authenticate': challenge }),
          },
          text,
          body: text === '' ? '' : JSON.parse(text),
          all,
        })
      })
    }).on('error', reject).end(body)
  })
}

/** An instance of its own on the same database. */
async function startInstance(config: Partial<Config>): Promise<Service> {
  const service = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off' }),
    port: 0,
    databaseUrl: http.service.database.serviceUrl,
    ...config,
  })
  onTestFinished(() => service.stop())
  return service
}
const start = async (config: Partial<Config>) => (await startInstance(config)).url

const WRITES = [
  '/users',
  '/users/1/recalculate',
  '/users/1/history/1/reverse',
  '/users/1/holds/1/capture',
  '/users/1/holds/1/release',
]

describe('a page of another origin', () => {
  const senders: [string, Headers][] = [
    ['says where it is from', { Origin: 'https://elsewhere.example' }],
    ['says that it is from elsewhere', { 'Sec-Fetch-Site': 'cross-site' }],
    ['is from a neighbour', { 'Sec-Fetch-Site': 'same-site' }],
    ['says both', {
      Origin: 'https://elsewhere.example',
      'Sec-Fetch-Site': 'cross-site',
      'Sec-Fetch-Mode': 'no-cors',
    }],
    ['hides its origin', { Origin: 'null' }],
    ['is on another port of this machine', { Origin: 'http://127.0.0.1:1' }],
    ['is no origin at all', { Origin: 'x' }],
    ['sends a form', { Origin: 'https://elsewhere.example', 'Content-Type': 'text/plain' }],
  ]

  test.each(senders)('writes nothing when it %s', async (_, headers) => {
    await http.sql`select credit_user(1, 10), place_hold(1, 1)`
    await expectNothingWritten(http, async () => {
      for (const path of WRITES) {
        const answer = await send(http.service.url, { method: 'POST', path, headers })
        expectForbidden(answer, NOT_LISTED, path)
      }
      for (const action of ['debit', 'credit', 'holds']) {
        const answer = await send(http.service.url, {
          method: 'POST',
          path: `/users/1/${action}`,
          headers: { 'Content-Type': 'application/json', ...headers },
          body: '{"amount":1}',
        })
        expectForbidden(answer, NOT_LISTED, action)
      }
    })
  })

  test('is not told that it may ask, by a preflight, or read what it gets', async () => {
    const headers = {
      Origin: 'https://elsewhere.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type',
    }
    const path = '/users/1/debit'
    const preflight = await send(http.service.url, { method: 'OPTIONS', path, headers })
    expectForbidden(preflight, NOT_LISTED)
    const read = await send(http.service.url, { method: 'GET', path: '/users/1', headers })
    expect(read.status).toBe(200)
    for (const { all } of [preflight, read]) {
      expect(Object.keys(all).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })

  test('may lead to what is to be read', async () => {
    const headers = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' }
    const { status } = await send(http.service.url, { method: 'GET', path: '/livez', headers })
    expect(status).toBe(200)
  })

  test('is refused with access on, too', async () => {
    const url = await start({
      accessTokensFile: tokensFile([{ tokens: ['all'], scopes: SCOPES }]),
    })
    const headers = { Origin: 'https://elsewhere.example', ...bearer('all') }
    const answer = await send(url, { method: 'POST', path: '/users', headers })
    expectForbidden(answer, NOT_LISTED)
  })
})

describe('who is no such page', () => {
  test.each<[string, (url: URL) => Headers]>([
    ['is no browser', () => ({})],
    ['is a page of this origin', ({ origin }) => ({ Origin: origin })],
    ['says so', ({ origin }) => ({ Origin: origin, 'Sec-Fetch-Site': 'same-origin' })],
    ['was sent by nobody', () => ({ 'Sec-Fetch-Site': 'none' })],
  ])('may write when it %s', async (_, headersOf) => {
    const headers = headersOf(new URL(http.service.url))
    const answer = await send(http.service.url, { method: 'POST', path: '/users', headers })
    expect(answer.status).toBe(201)
  })

  test('may write as a page of PUBLIC_URL, whatever Host a proxy makes of it', async () => {
    const url = await start({ publicUrl: 'https://api.example/ledger' })
    const headers = { Origin: 'https://api.example' }
    expect((await send(url, { method: 'POST', path: '/users', headers })).status).toBe(201)
    const foreign = { Origin: 'https://api.example:8443' }
    const answer = await send(url, { method: 'POST', path: '/users', headers: foreign })
    expect(answer.status).toBe(403)
  })
})

describe('a name that was made to lead here, while access is off', () => {
  const FOREIGN = [
    'rebind.example',
    'rebind.example:3000',
    '127.0.0.1.rebind.example',
    'localhost.rebind.example',
    'rebind.example.',
    'rebind.example@127.0.0.1',
    'xn--e1afmkfd.example',
  ]

  test.each(FOREIGN)('%s reads and writes nothing', async (Host) => {
    await expectNothingWritten(http, async () => {
      for (
        const [method, path] of [
          ['GET', '/users/1'],
          ['GET', '/users/1/history'],
          ['GET', '/metrics'],
          ['POST', '/users'],
          ['POST', '/users/1/recalculate'],
          ['GET', '/nothing'],
        ] as const
      ) {
        const headers = { Host, Origin: `http://${Host}`, 'Sec-Fetch-Site': 'same-origin' }
        const answer = await send(http.service.url, { method, path, headers })
        // What is no name at all is no HTTP either.
        if (Host.includes('@') && answer.status === 400) continue
        expectForbidden(answer, NOT_OURS, path)
      }
    })
  })

  test('is what probes may use', async () => {
    for (const path of ['/livez', '/healthz', '/readyz', '/docs']) {
      const { status } = await fetch(`${http.service.url}${path}`)
      expect(status, path).toBe(200)
    }
    const headers = { Host: 'balancer.example' }
    expect((await send(http.service.url, { method: 'OPTIONS', path: '/', headers })).status)
      .toBe(200)
    expect((await send(http.service.url, { method: 'GET', path: '/readyz', headers })).status)
      .toBe(200)
  })

  test.each([
    '127.0.0.1',
    '127.0.0.1:3000',
    '10.1.2.3:80',
    '[::1]:3000',
    'localhost',
    'LOCALHOST:3000',
    'localhost.',
    'app.localhost:3000',
    'ledger',
    'ledger:3000',
  ])('is none of those as %s', async (Host) => {
    const sent = { method: 'GET', path: '/users/1', headers: { Host } }
    expect((await send(http.service.url, sent)).status).toBe(200)
  })

  test('is none that ALLOWED_HOSTS or PUBLIC_URL has', async () => {
    const url = await start({
      allowedHosts: ['ledger.lan'],
      publicUrl: 'https://api.example/ledger',
    })
    const status = async (Host: string) =>
      (await send(url, { method: 'GET', path: '/users/1', headers: { Host } })).status
    expect(await status('Ledger.LAN:3000')).toBe(200)
    expect(await status('api.example')).toBe(200)
    expect(await status('db.ledger.lan')).toBe(403)
  })

  test('of METRICS_PORT is checked as well', async () => {
    const { metricsUrl } = await startInstance({ metricsPort: 0 })
    const read = (Host: string) =>
      send(metricsUrl!, { method: 'HEAD', path: '/metrics', headers: { Host } })
    expect((await read('rebind.example')).status).toBe(403)
    expect((await read('localhost:9090')).status).toBe(200)
  })

  test('is no matter with access on', async () => {
    const url = await start({
      accessTokensFile: tokensFile([{ tokens: ['all'], scopes: SCOPES }]),
    })
    const headers = { Host: 'ledger.example', ...bearer('all') }
    expect((await send(url, { method: 'GET', path: '/users/1', headers })).status).toBe(200)
  })
})

describe('CORS_ORIGINS', () => {
  const APP = 'https://app.example'
  const page = { Origin: APP, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'cors' }
  const asking = {
    ...page,
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': 'authorization,content-type,idempotency-key',
  }

  test('its pages may ask, write, and read what they get, refusals too', async () => {
    const url = await start({ corsOrigins: [APP] })
    const path = '/users/1/credit'
    const preflight = await send(url, { method: 'OPTIONS', path, headers: asking })
    expect(preflight).toMatchObject({ status: 204, text: '' })
    expect(preflight.all).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-max-age': '7200',
      vary: 'Origin',
    })
    const allowed = preflight.all['access-control-allow-headers']!.toLowerCase().split(', ')
    expect(allowed).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'idempotency-key']),
    )
    expect(preflight.all).not.toHaveProperty('access-control-allow-credentials')
    const json = { ...page, 'Content-Type': 'application/json' }
    const sent = { method: 'POST', path, headers: json, body: '{"amount":1}' }
    for (
      const [request, status] of [
        [sent, 201],
        [{ ...sent, body: '{}' }, 400],
        [{ method: 'GET', path: '/users/1', headers: page }, 200],
        [{ method: 'GET', path: '/nothing', headers: page }, 404],
      ] as const
    ) {
      const answer = await send(url, request)
      expect(answer.status).toBe(status)
      expect(answer.all).toMatchObject({ 'access-control-allow-origin': APP, vary: 'Origin' })
      const exposed = answer.all['access-control-expose-headers']!.split(', ')
      expect(exposed).toEqual(expect.arrayContaining(['Location', 'Idempotency-Replayed']))
    }
  })

  test('a preflight needs no token, and what comes after it does', async () => {
    const url = await start({
      corsOrigins: [APP],
      accessTokensFile: tokensFile([{ tokens: ['all'], scopes: SCOPES }]),
    })
    const path = '/users/1'
    expect((await send(url, { method: 'OPTIONS', path, headers: asking })).status).toBe(204)
    const refused = await send(url, { method: 'GET', path, headers: page })
    expect(refused.status).toBe(401)
    expect(refused.all['access-control-allow-origin']).toBe(APP)
    const headers = { ...page, ...bearer('all') }
    expect((await send(url, { method: 'GET', path, headers })).status).toBe(200)
  })

  test('no other page may, and caches are told of the difference', async () => {
    const url = await start({ corsOrigins: [APP] })
    for (const Origin of ['https://app.example.elsewhere', 'http://app.example', 'null']) {
      const headers = { ...asking, Origin }
      const preflight = await send(url, { method: 'OPTIONS', path: '/users', headers })
      expectForbidden(preflight, NOT_LISTED)
      const write = await send(url, { method: 'POST', path: '/users', headers })
      expectForbidden(write, NOT_LISTED)
      for (const { all } of [preflight, write]) {
        expect(all).not.toHaveProperty('access-control-allow-origin')
        expect(all['vary']).toBe('Origin')
      }
    }
    const statement = await send(url, { method: 'GET', path: '/users/1/history' })
    expect(statement.all['vary']).toBe('Origin, Accept')
  })
})
