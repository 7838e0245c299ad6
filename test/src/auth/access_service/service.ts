/** Services with access, on one database. */
import { beforeAll, onTestFinished, vi } from 'vitest'
import { SCOPES } from '../../../../src/auth/scopes.ts'
import { type Config, loadConfig } from '../../../../src/config/config.ts'
import { caller } from '../../../support/http.ts'
import { AUDIENCE, ISSUER } from '../../../support/issuer.ts'
import { serve, startTestService, type TestService } from '../../../support/service.ts'

export const SECRET = 'correct horse battery staple, and more of it'
export const JWT = { issuer: ISSUER, audience: AUDIENCE }
export const ALL = { tokens: ['all-of-them'], scopes: SCOPES }

export let base: TestService

beforeAll(async () => {
  base = await startTestService()
  return () => base.close()
})

/** Another service on the same database, for a single test. */
export async function start(config: Partial<Config>) {
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

/** What the services in this test log from now on. */
export function logOf(): { lines: { what: string; level: string; why?: string }[] } {
  const log = { lines: [] as { what: string; level: string; why?: string }[] }
  const spy = vi.spyOn(console, 'error').mockImplementation((line: string) => {
    log.lines.push(JSON.parse(line))
  })
  onTestFinished(() => spy.mockRestore())
  return log
}
