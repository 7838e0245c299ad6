/** Names that were made to lead here. */
import { describe, expect, test } from 'vitest'
import { SCOPES } from '../../../../src/auth/scopes.ts'
import { bearer, tokensFile } from '../../../support/access.ts'
import { expectNothingWritten } from '../../../support/http.ts'
import { expectForbidden, http, send, start, startInstance } from './service.ts'

const NOT_OURS = { detail: 'While access is off, Host must be an address or in ALLOWED_HOSTS.' }

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
