/** By whom requests are counted where callers have names: by each of them, refused or not. */
import { Hono } from 'hono'
import { beforeEach, expect, test } from 'vitest'
import type { Caller } from '../../../src/auth/caller.ts'
import { createAccess } from '../../../src/auth/access.ts'
import { Problem } from '../../../src/core/errors.ts'
import { createFailureLimit } from '../../../src/auth/failure_limit.ts'
import { createRequestRates } from '../../../src/http/rate_limit.ts'

const LIMIT = { requests: 3, seconds: 3600 }
const READER: Caller = { name: 'shop', scopes: new Set(['read']) }

let app: Hono
let verified: string[]
let refused: string[]

/** `a.shop.n` is a JWT of `shop`, `a.shop.bad` one that only claims to be. */
function jwtOf(token: string) {
  verified.push(token)
  const [, name, signature] = token.split('.')
  return Promise.resolve(
    signature === 'bad'
      ? 'invalid' as const
      : { caller: { ...READER, name: name! }, expiresAt_ms: Infinity },
  )
}

function open(perMinute: number) {
  verified = []
  refused = []
  app = new Hono()
  const access = createAccess({
    tokens: new Map([['good', READER], ['poor', { name: 'poor', scopes: new Set() }]]),
    sha256: (text) => text,
    verifyJwt: Object.assign(jwtOf, { claimedName: (token: string) => token.split('.')[1] }),
    failures: createFailureLimit({ perMinute }),
    metrics: { refused: (reason) => refused.push(reason) },
  })
  app.use(access.middleware(createRequestRates(LIMIT)))
  for (const path of ['/users/:id', '/livez', '/metrics', '/docs']) {
    app.get(path, (c) => c.text('good'))
  }
  app.onError((error, c) => c.text(error instanceof Problem ? error.code : 'internal'))
}

beforeEach(() => open(1000))

async function get(token: string | undefined, peer = '10.0.0.1', path = '/users/1') {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  return await (await app.request(path, { headers }, { peer })).text()
}

async function times(count: number, ...request: Parameters<typeof get>): Promise<string[]> {
  const answers = []
  for (let n = 0; n < count; n++) answers.push(await get(...request))
  return answers
}

const three = (answer: string) => [answer, answer, answer]

test.each([undefined, 'wrong', 'a.b.bad', ' '])(
  'an address is rate_limited for what is unauthorized: %s',
  async (token) => {
    expect(await times(4, token)).toEqual([...three('unauthorized'), 'rate_limited'])
    expect(refused[3]).toBe('limited')
    // Neither others nor those behind the same address who have a name.
    expect(await get(token, '10.0.0.2')).toBe('unauthorized')
    expect(await times(4, 'good')).toEqual([...three('good'), 'rate_limited'])
    expect(await get('a.other.1')).toBe('good')
  },
)

test('a caller is rate_limited for what is forbidden, wherever it comes from', async () => {
  expect(await times(3, 'poor')).toEqual(three('forbidden'))
  expect(await get('poor', '10.0.0.2')).toBe('rate_limited')
  expect(await get('good')).toBe('good')
})

test('a path that is free for those who may go there counts for those who may not', async () => {
  expect(await times(4, undefined, '10.0.0.1', '/metrics'))
    .toEqual([...three('unauthorized'), 'rate_limited'])
  expect(await times(4, 'poor', '10.0.0.1', '/metrics'))
    .toEqual([...three('forbidden'), 'rate_limited'])
})

test('a JWT and a token of the same name have a rate each', async () => {
  expect(await times(4, 'good')).toEqual([...three('good'), 'rate_limited'])
  expect(await times(4, 'a.shop.1')).toEqual([...three('good'), 'rate_limited'])
})

test('no JWT is verified of a caller who has no requests left', async () => {
  for (const n of [1, 2, 3]) expect(await get(`a.shop.${n}`)).toBe('good')
  expect(verified).toHaveLength(3)
  for (const token of ['a.shop.4', 'a.shop.bad']) expect(await get(token)).toBe('rate_limited')
  expect(verified).toHaveLength(3)
})

test('forged JWT of ever new callers are verified so often and no more, those of others go on', async () => {
  open(5)
  expect(await get('a.known.1')).toBe('good')
  const forged = Array.from({ length: 200 }, (_, n) => `a.new${n}.bad`)
  const answers = await Promise.all(forged.map((token) => get(token)))
  expect(new Set(answers)).toEqual(new Set(['unauthorized', 'rate_limited']))
  // As many as may fail, as many again, and what was looked at meanwhile.
  expect(verified.length).toBeLessThan(5 + 5 + 8)
  expect(await get('a.known.1')).toBe('good')
  expect(await get('good')).toBe('good')
  expect(await get('a.other.1', '10.0.0.2')).toBe('good')
  expect(await get('a.new.1')).toBe('rate_limited')
})

test('whoever claims to be a caller takes no requests from that one', async () => {
  for (const n of [1, 2, 3]) expect([n, await get('a.shop.bad')]).toEqual([n, 'unauthorized'])
  expect(await get('a.shop.bad')).toBe('rate_limited')
  expect(await times(3, 'a.shop.1')).toEqual(three('good'))
})

test('what is open is counted by address, but for what watches the service', async () => {
  expect(await times(5, undefined, '10.0.0.1', '/livez')).toEqual(Array(5).fill('good'))
  // This one needs a caller, or none: either way somebody is counted.
  const docs = await times(4, undefined, '10.0.0.1', '/docs')
  expect(docs[3]).toBe('rate_limited')
})
