/** Every caller at every route, with a token or a JWT, at a real service. */
import type { Context, Next } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Scope, SCOPES } from '../../../src/auth/scopes.ts'
import { RULES } from '../../../src/auth/scopes.ts'
import { createApp } from '../../../src/app/app.ts'
import { loadConfig } from '../../../src/config/config.ts'
import { Problem } from '../../../src/core/errors.ts'
import { bearer, sha256, writeTokens } from '../../support/access.ts'
import { dependenciesThat, unused } from '../../support/dependencies.ts'
import { type Answer, expectNothingWritten, expectProblem, useHttp } from '../../support/http.ts'
import { sample } from '../../support/share.ts'
import {
  AUDIENCE,
  inSeconds,
  ISSUER,
  type Issuer,
  makeKey,
  signed,
  startIssuer,
} from '../../support/issuer.ts'

/** Whom the bound callers are bound to; and somebody else, and nobody at all. */
const [OWN, FOREIGN, MISSING] = [11, 12, 4711]

type Request = [method: string, path: string, body?: unknown]

interface Row {
  needs: Scope | 'any' | 'open'
  /** What a caller sends here for this user: everywhere that a user can be named. */
  send: (user: number) => Request[]
}

const metadata = { note: 1 }
const ROWS: Record<string, Row> = {
  'GET /users/:id': {
    needs: 'read',
    send: (u) => [['GET', `/users/${u}`], ['HEAD', `/users/${u}`]],
  },
  'GET /users/:id/history': { needs: 'read', send: (u) => [['GET', `/users/${u}/history`]] },
  'GET /users/:id/history/:seq': { needs: 'read', send: (u) => [['GET', `/users/${u}/history/1`]] },
  'GET /users/:id/balance': { needs: 'read', send: (u) => [['GET', `/users/${u}/balance`]] },
  'GET /users/:id/verify': { needs: 'read', send: (u) => [['GET', `/users/${u}/verify`]] },
  'GET /balances': { needs: 'read', send: (u) => [['GET', `/balances?ids=${u}`]] },
  'POST /users/:id/debit': {
    needs: 'debit',
    send: (u) => [['POST', `/users/${u}/debit`, { amount: 1, metadata }]],
  },
  'POST /users/:id/credit': {
    needs: 'credit',
    send: (u) => [['POST', `/users/${u}/credit`, { amount: 1 }]],
  },
  'POST /users/:id/recalculate': {
    needs: 'admin',
    send: (u) => [['POST', `/users/${u}/recalculate`]],
  },
  'GET /users/:id/holds': { needs: 'read', send: (u) => [['GET', `/users/${u}/holds`]] },
  'GET /users/:id/holds/:hold': { needs: 'read', send: (u) => [['GET', `/users/${u}/holds/1`]] },
  'GET /users/:id/controls': { needs: 'read', send: (u) => [['GET', `/users/${u}/controls`]] },
  'POST /users/:id/freeze': { needs: 'admin', send: (u) => [['POST', `/users/${u}/freeze`]] },
  'POST /users/:id/thaw': { needs: 'admin', send: (u) => [['POST', `/users/${u}/thaw`]] },
  'POST /users/:id/credit-limit': {
    needs: 'admin',
    send: (u) => [['POST', `/users/${u}/credit-limit`, { credit_limit: 0 }]],
  },
  'POST /users/:id/history/:seq/reverse': {
    needs: 'reverse',
    send: (u) => [['POST', `/users/${u}/history/1/reverse`, {}]],
  },
  'POST /users/:id/holds': {
    needs: 'hold',
    send: (u) => [['POST', `/users/${u}/holds`, { amount: 1 }]],
  },
  'POST /users/:id/holds/:hold/capture': {
    needs: 'hold',
    send: (u) => [['POST', `/users/${u}/holds/1/capture`, {}]],
  },
  'POST /users/:id/holds/:hold/extend': {
    needs: 'hold',
    send: (u) => [['POST', `/users/${u}/holds/1/extend`, { expires_in: null }]],
  },
  'POST /users/:id/holds/:hold/release': {
    needs: 'hold',
    send: (u) => [['POST', `/users/${u}/holds/1/release`, {}]],
  },
  // Who is bound gets what is theirs, of which more below.
  'GET /users': { needs: 'read', send: () => [['GET', '/users'], ['HEAD', '/users']] },
  'POST /users': { needs: 'admin', send: (u) => [['POST', '/users', { id: u }]] },
  'POST /transfers': {
    needs: 'transfer',
    send: (u) => [
      ['POST', '/transfers', { from: OWN, to: u, amount: 1 }],
      ['POST', '/transfers', { from: u, to: OWN, amount: 1 }],
    ],
  },
  // Each item has an answer of its own, of which more below.
  'POST /debits': {
    needs: 'debit',
    send: () => [['POST', '/debits', [{ user_id: OWN, amount: 1 }]]],
  },
  // As POST /debits, whatever an item needs.
  'POST /operations': {
    needs: 'any',
    send: () => [['POST', '/operations', [{ kind: 'recalculate', user_id: OWN }]]],
  },
  // Not for who is bound, of which more below.
  'GET /entries': { needs: 'journal', send: () => [['GET', '/entries'], ['HEAD', '/entries']] },
  // Those of everybody need more, of which more below.
  'GET /events': {
    needs: 'read',
    send: (u) => [['GET', `/events?user=${u}`], ['HEAD', `/events?user=${u}`]],
  },
  'GET /metrics': { needs: 'admin', send: () => [['GET', '/metrics'], ['HEAD', '/metrics']] },
  // Whoever has a valid token may ask what it is good for.
  'GET /me': { needs: 'any', send: () => [['GET', '/me'], ['HEAD', '/me']] },
  'GET /console': { needs: 'open', send: () => [['GET', '/console'], ['HEAD', '/console']] },
  'GET /console/:folder/:file': {
    needs: 'open',
    send: () => [['GET', '/console/app/console.css']],
  },
  'GET /openapi.json': { needs: 'open', send: () => [['GET', '/openapi.json']] },
  'GET /': { needs: 'open', send: () => [['GET', '/'], ['HEAD', '/']] },
  'GET /docs/:file': { needs: 'open', send: () => [['GET', '/docs/docs.css']] },
  'GET /docs': { needs: 'open', send: () => [['GET', '/docs'], ['HEAD', '/docs']] },
  'OPTIONS /': { needs: 'open', send: () => [['OPTIONS', '/']] },
  'GET /healthz': { needs: 'open', send: () => [['GET', '/healthz']] },
  'GET /livez': { needs: 'open', send: () => [['GET', '/livez'], ['HEAD', '/livez']] },
  'GET /readyz': { needs: 'open', send: () => [['GET', '/readyz'], ['HEAD', '/readyz']] },
}
const NAMES = Object.keys(ROWS)
const BOUND = NAMES.filter((name) =>
  /:id/.test(name) || /(POST \/(users|transfers)|GET \/(balances|events))$/.test(name)
)
const requestsOf = (names: string[], user = OWN) => names.flatMap((name) => ROWS[name]!.send(user))

const ALL = { tokens: ['all-of-them'], scopes: SCOPES }
const MINE = { tokens: ['mine-old', 'mine-new'], scopes: SCOPES, users: [OWN] }
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
let key: Awaited<ReturnType<typeof makeKey>>
let issuer: Issuer

beforeAll(async () => {
  key = await makeKey('key')
  issuer = await startIssuer([key])
  Object.assign(config, {
    logLevel: 'debug',
    jwt: { jwksUrl: issuer.url, algorithms: ['ES256'], issuer: ISSUER, audience: AUDIENCE },
  })
})

const http = useHttp(config)

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

type Headers = Record<string, string>

const ask = (request: Request, headers: Headers): Promise<Answer> => {
  const [method, path, body] = request
  return http.call(method, path, body, headers)
}

const CHALLENGE = { 'www-authenticate': 'Bearer realm="ledger"' }
const INVALID = { 'www-authenticate': 'Bearer realm="ledger", error="invalid_token"' }
const insufficient = (scope: string) => ({
  'www-authenticate': `Bearer realm="ledger", error="insufficient_scope", scope="${scope}"`,
})

/** A HEAD has no body; the rest of its answer is that of GET. */
function expectRefused(
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

  test('an item of a list needs the scope of its route, and users of the caller', async () => {
    const items = (user: number) => [
      { kind: 'debit', user_id: user, amount: 1 },
      { kind: 'credit', user_id: user, amount: 1 },
      { kind: 'transfer', from: OWN, to: user, amount: 1 },
      { kind: 'hold', user_id: user, amount: 1 },
      { kind: 'capture', user_id: user, hold: 4711 },
      { kind: 'extend', user_id: user, hold: 4711, expires_in: null },
      { kind: 'release', user_id: user, hold: 4711 },
      { kind: 'reverse', user_id: user, seq: 4711 },
      { kind: 'recalculate', user_id: user },
    ]
    const refused = async (user: number, headers: Headers) => {
      const { body } = await http.call('POST', '/operations', items(user), headers)
      return (body as { results: { body: { code?: string } }[] }).results
        .flatMap(({ body: { code } }, n) => code === 'forbidden' ? [items(user)[n]!.kind] : [])
    }
    const all = items(1).map(({ kind }) => kind)
    const needed: Record<string, string[]> = {
      hold: ['hold', 'capture', 'extend', 'release'],
      admin: ['recalculate'],
    }
    for (const scope of SCOPES) {
      const allowed = needed[scope] ?? [scope]
      expect(await refused(FOREIGN, bearer(`only-${scope}`)), scope)
        .toEqual(all.filter((kind) => !allowed.includes(kind)))
    }
    await expectNothingWritten(http, async () => {
      for (const user of [FOREIGN, MISSING]) {
        expect(await refused(user, bearer('mine-old'))).toEqual(all)
      }
    })
    expect(await refused(OWN, bearer('mine-old'))).toEqual([])
  })

  test('a foreign user is foreign however the number is written', async () => {
    const headers = bearer('mine-old')
    await expectNothingWritten(http, async () => {
      for (const id of [`0${FOREIGN}`, '%31%32', '1%32', '000012', '12?id=11', '12#11', '12;11']) {
        const answer = await http.call('GET', `/users/${id}`, undefined, headers)
        expect([400, 403], id).toContain(answer.status)
        expect(answer.text, id).not.toContain('balance"')
      }
      for (
        const path of [
          '/users/12/',
          '/users/12/nothing',
          '/users//12',
          '//users/12',
          '/users/11/../12',
        ]
      ) {
        const answer = await http.call('GET', path, undefined, headers)
        expect([403, 404], path).toContain(answer.status)
      }
      for (
        const body of ['{"from":11,"to":12,"to":11,"amount":1}', '{"from":11,"to":12.0,"amount":1}']
      ) {
        expect([400, 403]).toContain((await http.call('POST', '/transfers', body, headers)).status)
      }
    })
    expect((await http.call('GET', `/users/0${OWN}`, undefined, headers)).status).toBe(200)
  })

  test('POST /debits answers for each item as the single call would', async () => {
    const items = [OWN, FOREIGN, MISSING, OWN].map((user_id) => ({ user_id, amount: 1 }))
    const before = await http.sql`select balance from users where id = ${FOREIGN}`
    const { status, body } = await http.call('POST', '/debits', items, bearer('mine-old'))
    const results = (body as { results: Record<string, unknown>[] }).results
    const { text } = await http.call(
      'POST',
      `/users/${FOREIGN}/debit`,
      { amount: 1 },
      bearer('mine-old'),
    )
    expect([status, ...results.map((result) => result['status'])]).toEqual([
      200,
      201,
      403,
      403,
      201,
    ])
    expect(results.slice(1, 3)).toEqual([JSON.parse(text), JSON.parse(text)])
    expect(await http.sql`select balance from users where id = ${FOREIGN}`).toEqual(before)
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

describe('what others did', () => {
  const all = (more: object = {}) => ({ ...bearer('all-of-them'), ...more })
  const mine = (more: object = {}) => ({ ...bearer('mine-new'), ...more })
  const keyed = (key: string) => ({ 'Idempotency-Key': key })

  test('is no more within reach by its key than without', async () => {
    const requests: [string, Request][] = [
      ['debited', ['POST', `/users/${FOREIGN}/debit`, { amount: 1 }]],
      ['credited', ['POST', `/users/${FOREIGN}/credit`, { amount: 1 }]],
      ['held', ['POST', `/users/${FOREIGN}/holds`, { amount: 1 }]],
      ['sent', ['POST', '/transfers', { from: OWN, to: FOREIGN, amount: 1 }]],
      ['got', ['POST', '/transfers', { from: FOREIGN, to: OWN, amount: 1 }]],
    ]
    for (const [key, request] of requests) {
      expect((await ask(request, all(keyed(key)))).status).toBe(201)
    }
    await expectNothingWritten(http, async () => {
      for (const [key, request] of requests) {
        expect((await ask(request, all(keyed(key)))).headers['idempotency-replayed']).toBe('true')
        expectRefused(request, await ask(request, mine(keyed(key))), 'forbidden')
      }
      const [item] = [{ user_id: FOREIGN, amount: 1, idempotency_key: 'debited' }]
      const { body } = await http.call('POST', '/debits', [item], mine())
      expect(body).toMatchObject({ results: [{ status: 403, code: 'forbidden' }] })
      expect((body as { results: object[] }).results[0]).not.toHaveProperty('entry')
    })
  })

  test('a key of an own user that stands for something else shows nothing of it', async () => {
    await ask(['POST', '/transfers', { from: OWN, to: FOREIGN, amount: 2 }], all(keyed('over')))
    await expectNothingWritten(http, async () => {
      for (
        const request of [
          ['POST', `/users/${OWN}/debit`, { amount: 2 }],
          ['POST', '/transfers', { from: OWN, to: OWN, amount: 2 }],
          ['POST', `/users/${OWN}/holds`, { amount: 2 }],
        ] as Request[]
      ) {
        const answer = await ask(request, mine(keyed('over')))
        expect(answer.status).toBe(422)
        expect(answer.text).not.toContain('"entry"')
      }
    })
  })

  test('half of a transfer with a foreign user is not reversed, nor is its reversal', async () => {
    const moved = await ask(['POST', '/transfers', { from: OWN, to: FOREIGN, amount: 3 }], all())
    const { entry } = (moved.body as { from: { entry: { seq: number } } }).from
    const reverse = (seq: number): Request => ['POST', `/users/${OWN}/history/${seq}/reverse`, {}]
    await expectNothingWritten(http, async () => {
      expectRefused(reverse(1), await ask(reverse(entry.seq), mine(keyed('back'))), 'forbidden')
    })
    const reversed = await ask(reverse(entry.seq), all(keyed('back')))
    expect(reversed.status).toBe(201)
    const { seq } = (reversed.body as { entry: { seq: number } }).entry
    await expectNothingWritten(http, async () => {
      // A replay is no way around.
      expectRefused(reverse(1), await ask(reverse(entry.seq), mine(keyed('back'))), 'forbidden')
      expectRefused(reverse(1), await ask(reverse(seq), mine()), 'forbidden')
      expectProblem(await ask(reverse(9999), mine()), 'unknown_entry')
    })
    const own = await ask(['POST', `/users/${OWN}/credit`, { amount: 3 }], mine())
    const credited = (own.body as { entry: { seq: number } }).entry.seq
    expect((await ask(reverse(credited), mine())).status).toBe(201)
  })

  test('a manual entry is reversed by a bound caller as by any other', async () => {
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${OWN}, 'CREDIT', 1)`
    const [row] = await http.sql<{ seq: string }[]>`
      select max(seq) + 1 as seq from payment_history where user_id = ${OWN}`
    const path = `/users/${OWN}/history/${row!.seq}/reverse`
    expect((await http.call('POST', path, {}, mine())).status).toBe(201)
  })
})

test('an entry that comes while it is looked for is not reversed by a bound caller', async () => {
  const calls: string[] = []
  const reverse = async (users: Set<number> | undefined) => {
    const rest = dependenciesThat(unused)
    const app = createApp({
      ...rest,
      access: {
        middleware: () => async (c: Context, next: Next) => {
          c.set('caller', { name: 'bound', scopes: new Set(), users } as never)
          await next()
        },
        userMiddleware: (_c: Context, next: Next) => next(),
      },
      ledger: {
        ...rest.ledger,
        // Twice it isn't there; by the third time it may be half of a transfer.
        getEntry: () => {
          calls.push('read')
          return Promise.resolve(undefined)
        },
      },
      write: ({ kind }) => {
        calls.push(kind)
        return Promise.reject(new Problem('busy'))
      },
    })
    const response = await app.request('/users/1/history/2/reverse', { method: 'POST' })
    return (await response.json() as { code: string }).code
  }
  expect(await reverse(new Set([1]))).toBe('busy')
  expect(calls).toEqual(['read', 'recalculate'])
  // Whoever is bound to nobody leaves that to SQL.
  expect(await reverse(undefined)).toBe('busy')
  expect(calls).toEqual(['read', 'recalculate', 'reverse'])
})

describe('tokens', () => {
  test('both of a caller work while they are exchanged', async () => {
    for (const token of MINE.tokens) {
      expect((await http.call('GET', `/users/${OWN}`, undefined, bearer(token))).status).toBe(200)
    }
  })

  test('the scheme may be written in any case', async () => {
    const headers = { Authorization: 'bEARER  all-of-them' }
    expect((await http.call('GET', `/users/${OWN}`, undefined, headers)).status).toBe(200)
  })

  test('are never logged', async () => {
    const jwt = await signed(key, { scope: 'read' })
    for (const token of ['all-of-them', 'nobody-has-this', jwt]) {
      for (const path of [`/users/${OWN}`, '/nothing', `/users/${OWN}/debit`]) {
        await http.call('GET', path, undefined, bearer(token))
      }
    }
    expect(http.logged.join('\n')).not.toMatch(/all-of-them|nobody-has-this|eyJ/)
  })
})

describe('JWT', () => {
  const read = (token: string) => http.call('GET', `/users/${OWN}`, undefined, bearer(token))

  test('one that worked a moment ago works no more when it has ended', async () => {
    const token = await signed(key, { scope: 'read', exp: inSeconds(2) })
    expect((await read(token)).status).toBe(200)
    let answer = await read(token)
    while (answer.status === 200) answer = await read(token)
    expectProblem(answer, 'unauthorized', {}, INVALID)
  })

  test('a new key counts once the issuer shows it', async () => {
    const other = await makeKey('other')
    expect((await read(await signed(other, { scope: 'read' }))).status).toBe(401)
    expect((await read(await signed(key, { scope: 'read' }))).status).toBe(200)
  })
})

describe('refusals are counted by reason', () => {
  const RELEVANT = /^access_refusals_total\{reason="(\w+)"\} (\d+)$/gm

  async function counts(): Promise<Record<string, number>> {
    const { text } = await http.call('GET', '/metrics', undefined, bearer('all-of-them'))
    return Object.fromEntries(
      [...text.matchAll(RELEVANT)].map(([, reason, n]) => [reason, Number(n)]),
    )
  }

  const debits = async (outcome: string) => {
    const { text } = await http.call('GET', '/metrics', undefined, bearer('all-of-them'))
    return Number(
      new RegExp(`user_debit_requests_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)![1],
    )
  }

  test.each<[string, () => Promise<Headers>]>([
    ['no_token', () => Promise.resolve({})],
    ['invalid', () => Promise.resolve({ Authorization: 'Basic x' })],
    ['unknown', () => Promise.resolve(bearer('nobody-has-this'))],
    ['expired', async () => bearer(await signed(key, { exp: 1 }))],
    ['scope', () => Promise.resolve(bearer('only-read'))],
    ['user', () => Promise.resolve(bearer('mine-old'))],
  ])('%s, and a debit that was refused is among the debits', async (reason, headers) => {
    const code = ['scope', 'user'].includes(reason) ? 'forbidden' : 'unauthorized'
    const [before, outcomes] = [await counts(), await debits(code)]
    expect(Object.keys(before)).toHaveLength(8)
    await http.call('POST', `/users/${FOREIGN}/debit`, { amount: 1 }, await headers())
    const after = await counts()
    expect(after).toEqual({ ...before, [reason]: before[reason]! + 1 })
    expect(await debits(code)).toBe(outcomes + 1)
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
