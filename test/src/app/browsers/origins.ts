/** Pages of other origins, and who is no such page. */
import { describe, expect, test } from 'vitest'
import { SCOPES } from '../../../../src/auth/scopes.ts'
import { bearer, tokensFile } from '../../../support/access.ts'
import { expectNothingWritten } from '../../../support/http.ts'
import { expectForbidden, type Headers, http, NOT_LISTED, send, start } from './service.ts'

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
