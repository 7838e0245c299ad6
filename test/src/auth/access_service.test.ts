/** Access as a service starts with it: its file, its issuer, whoever fails too often. */
import { execFileSync } from 'node:child_process'
import { request } from 'node:http'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { SCOPES } from '../../../src/auth/scopes.ts'
import { type Config, loadConfig } from '../../../src/config/config.ts'
import { bearer, type Held, tokensFile } from '../../support/access.ts'
import { caller, expectProblem } from '../../support/http.ts'
import { AUDIENCE, ISSUER, makeKey, signed, signedWith, startIssuer } from '../../support/issuer.ts'
import { runTypeScript } from '../../support/run_typescript.ts'
import { serve, startTestService, type TestService } from '../../support/service.ts'

const SECRET = 'correct horse battery staple, and more of it'
const JWT = { issuer: ISSUER, audience: AUDIENCE }
const ALL = { tokens: ['all-of-them'], scopes: SCOPES }
const INVALID = { 'www-authenticate': 'Bearer realm="ledger", error="invalid_token"' }

let base: TestService

beforeAll(async () => {
  base = await startTestService()
  return () => base.close()
})

/** Another service on the same database, for a single test. */
async function start(config: Partial<Config>) {
  const service = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent' }),
    port: 0,
    databaseUrl: base.database.serviceUrl,
    redis: base.redis,
    ...config,
  })
  onTestFinished(() => service.stop())
  return { service, call: caller(() => service.url) }
}

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

describe('a file of tokens that is not as it should be', () => {
  const refusal = (accessTokensFile: string) =>
    start({ accessTokensFile }).then(() => 'started', (error: Error) => error.message)

  test('stops the start with one line that names the setting and shows nothing', async () => {
    const path = tokensFile([ALL])
    expect(await refusal(`${path}.not`)).toMatch(/^ACCESS_TOKENS_FILE can't be read \(\w+\)$/)
    // Nobody ever writes to it; the directory is none, either.
    execFileSync('mkfifo', [`${path}.pipe`])
    expect(await refusal(`${path}.pipe`)).toBe("ACCESS_TOKENS_FILE can't be read (ENOTFILE)")
    expect(await refusal(dirname(path))).toBe("ACCESS_TOKENS_FILE can't be read (ENOTFILE)")
    for (const text of ['', 'secret', '{"secret": 1}', '["secret"]', '[{"secret": "secret"}]']) {
      writeFileSync(path, text)
      expect(await refusal(path)).toMatch(/^ACCESS_TOKENS_FILE (?!.*secret).+$/)
    }
  })
})

/** What the services in this test log from now on. */
function logOf(): { lines: { what: string; level: string; why?: string }[] } {
  const log = { lines: [] as { what: string; level: string; why?: string }[] }
  const spy = vi.spyOn(console, 'error').mockImplementation((line: string) => {
    log.lines.push(JSON.parse(line))
  })
  onTestFinished(() => spy.mockRestore())
  return log
}

describe('a file of tokens that changes', () => {
  const NEW = { tokens: ['a-new-one'], scopes: ['read'] as const }

  /** A service with a file that has the old token, and what can be done to both. */
  async function startWithFile() {
    const log = logOf()
    const path = tokensFile([ALL])
    const { call } = await start({ accessTokensFile: path, logLevel: 'info' })
    const status = async (token: string) =>
      (await call('GET', '/users/1', undefined, bearer(token))).status
    /** As a new file, in one step. */
    const replace = (text: string) => {
      writeFileSync(`${path}.new`, text)
      renameSync(`${path}.new`, path)
    }
    const held = (...callers: Held[]) => replace(readFileSync(tokensFile(callers), 'utf8'))
    const faults = () => log.lines.filter(({ level }) => level === 'error').map(({ why }) => why)
    return { path, status, replace, held, faults, log }
  }

  test('lets a new token in and the old one out, for all that it was good for', async () => {
    const { status, held, log } = await startWithFile()
    expect([await status('all-of-them'), await status('a-new-one')]).toEqual([200, 401])
    held(ALL, NEW)
    await expect.poll(() => status('a-new-one')).toBe(200)
    expect(await status('all-of-them')).toBe(200)
    held(NEW)
    await expect.poll(() => status('all-of-them')).toBe(401)
    expect(await status('a-new-one')).toBe(200)
    held({ ...NEW, scopes: ['debit'] })
    await expect.poll(() => status('a-new-one')).toBe(403)
    held({ ...NEW, users: [1] })
    await expect.poll(() => status('a-new-one')).toBe(200)
    expect(JSON.stringify(log.lines)).not.toContain('a-new-one')
  })

  test('and is gone or bad for a while leaves who had a token in, and is logged once', async () => {
    const { path, status, replace, held, faults } = await startWithFile()
    /** Reads the file as often as it takes; a fault that is still there isn't logged again. */
    async function untilLogged(pattern: RegExp) {
      const before = faults().length
      await expect.poll(() => status('all-of-them').then(() => faults().length))
        .toBe(before + 1)
      expect(faults().at(-1)).toMatch(pattern)
      expect(await status('all-of-them')).toBe(200)
    }
    replace('[{"name": "secret')
    await untilLogged(/^ACCESS_TOKENS_FILE must be JSON$/)
    rmSync(path)
    await untilLogged(/^ACCESS_TOKENS_FILE can't be read \(\w+\)$/)
    execFileSync('mkfifo', [path])
    await untilLogged(/^ACCESS_TOKENS_FILE can't be read \(ENOTFILE\)$/)
    replace('[{"name": "secret"}]')
    await untilLogged(/^ACCESS_TOKENS_FILE at 0\.(?!.*secret).+$/)
    held(NEW)
    await expect.poll(() => status('a-new-one')).toBe(200)
    expect(await status('all-of-them')).toBe(401)
    expect(faults()).toHaveLength(4)
  })
})

describe('the start', () => {
  async function logged(config: Partial<Config>): Promise<string[]> {
    const log = logOf()
    await start({ logLevel: 'info', ...config })
    return log.lines.filter(({ what }) => what === 'access is off').map(({ level }) => level)
  }

  test('says when access is off, and warns where others than this machine come', async () => {
    expect(await logged({})).toEqual(['info'])
    expect(await logged({ host: '0.0.0.0' })).toEqual(['warn'])
  })

  test('does not say so when it is on', async () => {
    expect(await logged({ accessTokensFile: tokensFile([]) })).toEqual([])
    expect(await logged({ jwt: { ...JWT, secret: SECRET, algorithms: ['HS256'] } }))
      .toEqual([])
  })

  test.each([`src/${'Deno' in globalThis ? 'deno' : 'node'}.ts`, 'dev/start.ts'])(
    'of %s with access off ends with one line where others than this machine come',
    async (entry) => {
      const env = { DATABASE_URL: base.database.serviceUrl, PORT: '0' }
      for (const more of [{ HOST: '0.0.0.0' }, { ACCESS_TOKENS_FILE: '' }]) {
        const run = runTypeScript(entry, [], { ...env, ...more })
        expect([await run.ended, run.output()])
          .toEqual([1, expect.stringMatching(new RegExp(`^${Object.keys(more)[0]} .+\n$`))])
      }
    },
  )

  test('is on loopback unless HOST says otherwise', () => {
    expect(loadConfig({}).host).toBe('127.0.0.1')
    expect(new URL(base.url).hostname).toBe('127.0.0.1')
  })
})

describe('METRICS_PORT', () => {
  test('has /metrics alone, without a token, and nothing else has it', async () => {
    const { service, call } = await start({ accessTokensFile: tokensFile([ALL]), metricsPort: 0 })
    const metrics = caller(() => service.metricsUrl!)
    expect(service.metricsUrl).not.toBe(service.url)
    const { status, text, headers } = await metrics('GET', '/metrics')
    expect(status).toBe(200)
    expect(headers['content-type']).toContain('text/plain')
    expect(text).toContain('user_balance_reads_total{cache="hit"} 0')
    for (const path of ['/', '/livez', '/users/1', '/docs', '/openapi.json']) {
      expectProblem(await metrics('GET', path), 'not_found')
    }
    expectProblem(await metrics('POST', '/metrics'), 'method_not_allowed', {}, {
      allow: 'GET, HEAD',
    })
    const all = bearer('all-of-them')
    expectProblem(await call('GET', '/metrics', undefined, all), 'not_found')
    const { body } = await call('GET', '/openapi.json', undefined, all)
    expect((body as { paths: object }).paths).not.toHaveProperty('/metrics')
  })

  test('is closed when the service has stopped', async () => {
    const { service } = await start({ metricsPort: 0 })
    expect((await fetch(`${service.metricsUrl}/metrics`)).status).toBe(200)
    await service.stop()
    await expect(fetch(`${service.metricsUrl}/metrics`)).rejects.toBeInstanceOf(Error)
    await expect(fetch(`${service.url}/livez`)).rejects.toBeInstanceOf(Error)
  })

  test('that is taken stops the start by name, and leaves no port open', async () => {
    const { service } = await start({})
    const taken = Number(new URL(service.url).port)
    let opened = 0
    const failing = start({ metricsPort: taken }).then(() => opened++, (error: Error) => error)
    expect(await failing).toMatchObject({
      message: expect.stringMatching(
        /^HOST and METRICS_PORT: can't listen on 127.0.0.1 \d+ \(\w+\)$/,
      ),
    })
    expect(opened).toBe(0)
  })
})
