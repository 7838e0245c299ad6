/** Origins that are listed. */
import { describe, expect, test } from 'vitest'
import { SCOPES } from '../../../../src/auth/scopes.ts'
import { bearer, tokensFile } from '../../../support/access.ts'
import { expectForbidden, NOT_LISTED, send, start } from './service.ts'

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
