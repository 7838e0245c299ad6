/** A service with access, and callers of every kind. */
import { afterAll, beforeAll, expect } from 'vitest'
import { SCOPES } from '../../../../src/auth/scopes.ts'
import { loadConfig } from '../../../../src/config/config.ts'
import { writeTokens } from '../../../support/access.ts'
import { type Answer, useHttp } from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import { AUDIENCE, ISSUER, type Issuer, makeKey, startIssuer } from '../../../support/issuer.ts'

/** Whom the bound callers are bound to; and somebody else, and nobody at all. */
export const [OWN, FOREIGN, MISSING] = [11, 12, 4711]

export type Request = [method: string, path: string, body?: unknown]

const ALL = { tokens: ['all-of-them'], scopes: SCOPES }
export const MINE = { tokens: ['mine-old', 'mine-new'], scopes: SCOPES, users: [OWN] }
const ONE = SCOPES.map((scope) => ({ tokens: [`only-${scope}`], scopes: [scope] }))
const LESS = SCOPES.map((scope) => ({
  tokens: [`not-${scope}`],
  scopes: SCOPES.filter((one) => one !== scope),
}))

const file = writeTokens([ALL, MINE, ...ONE, ...LESS.filter(({ scopes }) => scopes.length > 0)])
const config = {
  ...loadConfig({ ACCESS_LOG: 'off' }),
  port: 0,
  accessTokensFile: file.path,
  accessFailuresPerMinute: 999_999,
}
export let key: Awaited<ReturnType<typeof makeKey>>
let issuer: Issuer

beforeAll(async () => {
  key = await makeKey('key')
  issuer = await startIssuer([key])
  Object.assign(config, {
    logLevel: 'debug',
    jwt: { jwksUrl: issuer.url, algorithms: ['ES256'], issuer: ISSUER, audience: AUDIENCE },
  })
})

export const http = useHttp(config)

beforeAll(async () => {
  await http.sql`select create_user(${OWN}), create_user(${FOREIGN})`
  // The first entry of each is there to be reversed.
  for (const amount of [1, 1000]) {
    await http.sql`select credit_user(${OWN}, ${amount}), credit_user(${FOREIGN}, ${amount})`
  }
})

afterAll(async () => {
  await issuer.close()
  file.remove()
})

export type Headers = Record<string, string>

export const ask = (request: Request, headers: Headers): Promise<Answer> => {
  const [method, path, body] = request
  return http.call(method, path, body, headers)
}
export const INVALID = { 'www-authenticate': 'Bearer realm="ledger", error="invalid_token"' }

/** A HEAD has no body; the rest of its answer is that of GET. */
export function expectRefused(
  request: Request,
  answer: Answer,
  code: 'unauthorized' | 'forbidden',
  h: Headers = {},
) {
  const what = request.slice(0, 2).join(' ')
  if (request[0] !== 'HEAD') return expectProblem(answer, code, {}, h, what)
  expect(answer.status, what).toBe(code === 'unauthorized' ? 401 : 403)
  expect(answer.text, what).toBe('')
}
