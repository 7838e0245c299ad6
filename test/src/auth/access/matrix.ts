/** Each caller at each route. */
import { describe, expect, test } from 'vitest'
import { SCOPES } from '../../../../src/auth/scopes.ts'
import { RULES } from '../../../../src/auth/scopes.ts'
import { createApp } from '../../../../src/app/app.ts'
import { bearer, sha256 } from '../../../support/access.ts'
import { dependenciesThat, unused } from '../../../support/dependencies.ts'
import { type Answer, expectNothingWritten } from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import { sample } from '../../../support/share.ts'
import { inSeconds, signed } from '../../../support/issuer.ts'
import {
  ask,
  expectRefused,
  FOREIGN,
  type Headers,
  http,
  INVALID,
  key,
  MISSING,
  OWN,
  type Request,
} from './callers.ts'
import { BOUND, NAMES, requestsOf, ROWS } from './routes.ts'

const CHALLENGE = { 'www-authenticate': 'Bearer realm="ledger"' }
const insufficient = (scope: string) => ({
  'www-authenticate': `Bearer realm="ledger", error="insufficient_scope", scope="${scope}"`,
})

/** Whatever became of it, access was no matter. */
function expectLetIn(request: Request, answer: Answer): void {
  expect(answer.status, request.slice(0, 2).join(' ')).toBeLessThan(500)
  expect([401, 403, 429], request.slice(0, 2).join(' ')).not.toContain(answer.status)
}

test('the matrix has a row for each route of the app, and so have the rules', () => {
  const app = createApp(dependenciesThat(unused))
  const routes = app.routes.filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path}`)
  expect([...new Set(routes)].toSorted()).toEqual(NAMES.toSorted())
  expect(Object.keys(RULES).toSorted()).toEqual(NAMES.toSorted())
})

describe('every caller at every route', () => {
  const open = NAMES.filter((name) => ROWS[name]!.needs === 'open')
  const closed = NAMES.filter((name) => !open.includes(name))

  test('without a token only what is open to everybody', async () => {
    await expectNothingWritten(http, async () => {
      for (const request of requestsOf(closed)) {
        expectRefused(request, await ask(request, {}), 'unauthorized', CHALLENGE)
      }
      for (const request of requestsOf(open)) expect((await ask(request, {})).status).toBe(200)
    })
  })

  test('with what is no token, or a wrong one, no more than that', async () => {
    const jwt = await signed(key, { scope: SCOPES.join(' ') })
    const wrong: Headers[] = [
      bearer('nobody-has-this'),
      bearer('all-of-the'),
      bearer('all-of-themm'),
      bearer('ALL-OF-THEM'),
      // What somebody reads in the file is no token.
      bearer(sha256('all-of-them')),
      bearer(await signed(key, { scope: SCOPES.join(' '), exp: inSeconds(-1) })),
      bearer(await signed(key, { scope: SCOPES.join(' '), aud: 'other' })),
      bearer(await signed(key, { scope: SCOPES.join(' ') }, { alg: 'none' })),
      bearer(`${jwt}x`),
      bearer(`a${jwt}`),
      bearer(''),
      bearer('x'.repeat(8_200)),
      { Authorization: 'all-of-them' },
      { Authorization: 'Bearer' },
      { Authorization: 'Bearer all of them' },
      { Authorization: 'Bearer all-of-them, Bearer all-of-them' },
      { Authorization: `Basic ${Buffer.from('all-of-them:').toString('base64')}` },
      { Authorization: 'Token all-of-them' },
    ]
    await expectNothingWritten(http, async () => {
      for (const headers of sample('wrong tokens', wrong, 4)) {
        for (const request of requestsOf(closed)) {
          expectRefused(request, await ask(request, headers), 'unauthorized', INVALID)
        }
        for (const request of requestsOf(open)) {
          expect((await ask(request, headers)).status).toBe(200)
        }
      }
    })
  })

  test.each(SCOPES)(
    'with the scope %s alone only what needs it, with the others only the rest',
    async (scope) => {
      const jwt = await signed(key, { scope })
      for (const name of NAMES) {
        const { needs } = ROWS[name]!
        for (const request of requestsOf([name])) {
          for (const headers of [bearer(`only-${scope}`), bearer(jwt)]) {
            const answer = await ask(request, headers)
            if (['open', 'any', scope].includes(needs)) expectLetIn(request, answer)
            else expectRefused(request, answer, 'forbidden', insufficient(needs))
          }
          const answer = await ask(request, bearer(`not-${scope}`))
          if (needs === scope) expectRefused(request, answer, 'forbidden', insufficient(needs))
          else expectLetIn(request, answer)
        }
      }
    },
  )

  test('with a scope that is missing nothing is written', async () => {
    const none = bearer(await signed(key, { scope: 'openid' }))
    await expectNothingWritten(http, async () => {
      for (const name of closed) {
        // Whether an item may be done is said of the item.
        const status = ROWS[name]!.needs === 'any' ? 200 : 403
        for (const request of requestsOf([name])) {
          expect((await ask(request, none)).status, name).toBe(status)
        }
      }
    })
    expect((await ask(['GET', '/nothing'], none)).status).toBe(404)
  })

  test('bound to users, what they own and nothing of others, there or not', async () => {
    const jwt = bearer(await signed(key, { scope: SCOPES.join(' '), users: [OWN] }))
    for (const headers of [bearer('mine-old'), jwt]) {
      for (const request of requestsOf(NAMES.filter((name) => name !== 'GET /entries'))) {
        expectLetIn(request, await ask(request, headers))
      }
      expectProblem(await http.call('GET', '/entries', undefined, headers), 'forbidden')
      await expectNothingWritten(http, async () => {
        for (const user of [FOREIGN, MISSING, 1]) {
          for (const request of requestsOf(BOUND, user)) {
            expectRefused(request, await ask(request, headers), 'forbidden')
          }
        }
        expectProblem(await http.call('POST', '/users', {}, headers), 'forbidden')
        expectProblem(await http.call('POST', '/users', undefined, headers), 'forbidden')
      })
      const { body } = await http.call('GET', '/users', undefined, headers)
      expect(body).toMatchObject({ users: [{ id: OWN }], next: null })
    }
    const nobody = bearer(await signed(key, { scope: SCOPES.join(' '), users: [] }))
    for (const request of requestsOf(BOUND)) expect((await ask(request, nobody)).status).toBe(403)
  })

  test('what is nowhere needs a token, too', async () => {
    for (
      const [method, path] of [['GET', '/nothing'], ['PUT', '/users/11'], ['POST', '/livez'], [
        'OPTIONS',
        '/users',
      ]]
    ) {
      expectProblem(await http.call(method!, path!), 'unauthorized', {}, CHALLENGE)
      const known = await http.call(method!, path!, undefined, bearer('only-read'))
      expect([404, 405]).toContain(known.status)
    }
  })
})

test('the document says what each route takes', async () => {
  const { body } = await http.call('GET', '/openapi.json', undefined, bearer('only-read'))
  const { paths, components } = body as {
    paths: Record<
      string,
      Record<string, { security: object[]; description: string; responses: object }>
    >
    components: { securitySchemes: object }
  }
  expect(components.securitySchemes).toMatchObject({ bearer: { type: 'http', scheme: 'bearer' } })
  for (const name of NAMES) {
    const { needs } = ROWS[name]!
    const [method, path] = name.split(' ') as [string, string]
    const operation = paths[path.replace(/:(\w+)/g, '{$1}')]![method.toLowerCase()]!
    expect(operation.security, name).toEqual(needs === 'open' ? [] : [{ bearer: [] }])
    const scope = /Scope: `(\w+)`\.$/.exec(operation.description)?.[1]
    const isScope = needs !== 'open' && needs !== 'any'
    expect(scope, name).toBe(isScope ? needs : undefined)
    const statuses = Object.keys(operation.responses)
    expect(statuses.includes('401'), name).toBe(needs !== 'open')
    expect(statuses.includes('403'), name).toBe(isScope)
    expect(statuses.includes('429'), name)
      .toBe(!['/', '/healthz', '/livez', '/readyz', '/metrics'].includes(path))
  }
})
