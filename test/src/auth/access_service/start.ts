/** What a start says of access, and the port of metrics. */
import { describe, expect, test } from 'vitest'
import { type Config, loadConfig } from '../../../../src/config/config.ts'
import { bearer, tokensFile } from '../../../support/access.ts'
import { caller } from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import { runTypeScript } from '../../../support/run_typescript.ts'
import { ALL, base, JWT, logOf, SECRET, start } from './service.ts'

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
