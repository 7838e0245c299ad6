/** Who is let in, and who is told to wait. */
import { request } from 'node:http'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { bearer, tokensFile } from '../../../support/access.ts'
import { expectProblem } from '../../../support/problems.ts'
import { makeKey, signed, signedWith, startIssuer } from '../../../support/issuer.ts'
import { ALL, JWT, SECRET, start } from './service.ts'

const INVALID = { 'www-authenticate': 'Bearer realm="ledger", error="invalid_token"' }

describe('a service with access', () => {
  test('by a secret takes the JWT that are signed with it', async () => {
    const { call } = await start({ jwt: { ...JWT, secret: SECRET, algorithms: ['HS256'] } })
    const good = bearer(await signedWith(SECRET, { scope: 'read' }))
    expect((await call('GET', '/users/1', undefined, good)).status).toBe(200)
    for (const token of [await signedWith(`${SECRET}!`, { scope: 'read' }), SECRET]) {
      expectProblem(
        await call('GET', '/users/1', undefined, bearer(token)),
        'unauthorized',
        {},
        INVALID,
      )
    }
  })

  test('by a file alone takes no JWT', async () => {
    const { call } = await start({ accessTokensFile: tokensFile([ALL]) })
    for (const secret of [SECRET, '', 'undefined']) {
      const token = secret && await signedWith(secret, { scope: 'read' })
      const answer = await call('GET', '/users/1', undefined, bearer(token))
      expectProblem(answer, 'unauthorized', {}, INVALID)
    }
  })

  test('and an empty file lets nobody in', async () => {
    const { call } = await start({ accessTokensFile: tokensFile([]) })
    expect((await call('GET', '/users/1')).status).toBe(401)
    expect((await call('GET', '/livez')).status).toBe(200)
  })

  test('is busy for those with a JWT while the issuer is away, and for nobody else', async () => {
    const key = await makeKey('key')
    const issuer = await startIssuer([key])
    onTestFinished(() => issuer.close())
    issuer.answer = (response) => response.writeHead(500).end('secret')
    const { call } = await start({
      accessTokensFile: tokensFile([ALL]),
      jwt: { ...JWT, jwksUrl: issuer.url, algorithms: ['ES256'] },
    })
    const jwt = bearer(await signed(key, { scope: 'read' }))
    expectProblem(await call('GET', '/users/1', undefined, jwt), 'busy')
    expectProblem(await call('GET', '/nothing', undefined, jwt), 'busy')
    expect((await call('GET', '/users/1', undefined, bearer('all-of-them'))).status).toBe(200)
    expect((await call('GET', '/readyz')).status).toBe(200)
    const { text } = await call('GET', '/metrics', undefined, bearer('all-of-them'))
    expect(text).toContain('access_refusals_total{reason="unavailable"} 2')

    issuer.answer = undefined
    let answer = await call('GET', '/users/1', undefined, jwt)
    while (answer.status === 503) answer = await call('GET', '/users/1', undefined, jwt)
    expect(answer.status).toBe(200)
  })

  test('asks the issuer once for many requests, and looks at a signature once', async () => {
    const key = await makeKey('key')
    const issuer = await startIssuer([key])
    onTestFinished(() => issuer.close())
    const { call } = await start({ jwt: { ...JWT, jwksUrl: issuer.url, algorithms: ['ES256'] } })
    const jwt = bearer(await signed(key, { scope: 'read' }))
    const read = () => call('GET', '/users/1', undefined, jwt)
    await Promise.all(Array.from({ length: 20 }, read))
    const verify = vi.spyOn(crypto.subtle, 'verify')
    onTestFinished(() => verify.mockRestore())
    for (let i = 0; i < 20; i++) expect((await read()).status).toBe(200)
    expect(verify).not.toHaveBeenCalled()
    expect(issuer.asked).toBe(1)
  })
})

/** From another address of this machine. */
function from(localAddress: string, url: string, token: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    request(
      { hostname, port, path: '/users/1', localAddress, headers: bearer(token) },
      (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode))
      },
    ).once('error', reject).end()
  })
}

describe('whoever sends wrong tokens', () => {
  test('is told to wait after so many, for as long as it takes', async () => {
    const { call } = await start({
      accessTokensFile: tokensFile([ALL]),
      accessFailuresPerMinute: 5,
    })
    const wrong = () => call('GET', '/users/1', undefined, bearer('wrong'))
    for (let i = 0; i < 5; i++) expectProblem(await wrong(), 'unauthorized', {}, INVALID)
    const answer = await wrong()
    const wait = Number(answer.headers['retry-after'])
    expectProblem(answer, 'rate_limited', {}, { 'retry-after': String(wait) })
    expect(wait).toBeGreaterThanOrEqual(1)
    expect(wait).toBeLessThanOrEqual(12)
    // No token is no attempt; a right one works whoever else comes from the same address.
    expect((await call('GET', '/users/1')).status).toBe(401)
    expect((await call('GET', '/users/1', undefined, bearer('all-of-them'))).status).toBe(200)
    expect((await call('GET', '/livez', undefined, bearer('wrong'))).status).toBe(200)
    const { text } = await call('GET', '/metrics', undefined, bearer('all-of-them'))
    expect(text).toContain('access_refusals_total{reason="unknown"} 5')
    expect(text).toContain('access_refusals_total{reason="limited"} 1')
  })

  test.skipIf(process.platform !== 'linux')('waits alone', async () => {
    const { service } = await start({
      accessTokensFile: tokensFile([ALL]),
      accessFailuresPerMinute: 1,
      host: '0.0.0.0',
    })
    const url = service.url.replace('0.0.0.0', '127.0.0.1')
    expect(await from('127.0.0.2', url, 'wrong')).toBe(401)
    expect(await from('127.0.0.2', url, 'wrong')).toBe(429)
    expect(await from('127.0.0.3', url, 'wrong')).toBe(401)
    expect(await from('127.0.0.2', url, 'all-of-them')).toBe(200)
  })
})
