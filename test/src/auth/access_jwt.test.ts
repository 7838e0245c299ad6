import { createLocalJWKSet, type JWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { createJwtVerifier } from '../../../src/auth/access_jwt.ts'
import { Problem } from '../../../src/core/errors.ts'
import {
  AUDIENCE,
  claimsOf,
  inSeconds,
  ISSUER,
  makeKey,
  signed,
  signedWith,
} from '../../support/issuer.ts'

type Key = Awaited<ReturnType<typeof makeKey>>

const SECRET = 'correct horse battery staple, and more of it'
const WHO = { issuer: ISSUER, audience: AUDIENCE }

let keys: Key[]
let ec: Key
let stranger: Key
let verify: ReturnType<typeof createJwtVerifier>
const withSecret = createJwtVerifier({
  ...WHO,
  key: { secret: SECRET },
  algorithms: ['HS256'],
})

beforeAll(async () => {
  keys = [await makeKey('ec'), await makeKey('rsa', 'RS256'), await makeKey('ed', 'EdDSA')]
  ec = keys[0]!
  stranger = await makeKey('ec')
  verify = createJwtVerifier({
    ...WHO,
    algorithms: ['ES256', 'EdDSA'],
    key: { jwks: createLocalJWKSet({ keys: keys.map((key) => key.public as JWK) }) },
  })
})

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a JWT that is taken', () => {
  test('has a caller with its subject, the scopes that mean something here, and its end', async () => {
    const exp = inSeconds(60)
    const token = await signed(ec, { sub: 'shop', scope: 'openid read debit email', exp })
    expect(await verify(token)).toEqual({
      caller: { name: 'shop', scopes: new Set(['read', 'debit']) },
      expiresAt_ms: exp * 1000,
    })
  })

  test('reaches nobody without users, and everybody only by saying so', async () => {
    expect(await verify(await signed(ec, { users: undefined })))
      .toMatchObject({ caller: { users: new Set() } })
    const { caller } = await verify(await signed(ec, { users: '*' })) as { caller: object }
    expect(caller).not.toHaveProperty('users')
  })

  test('may be bound to users, and to none', async () => {
    expect(await verify(await signed(ec, { users: [1, 2] })))
      .toMatchObject({ caller: { scopes: new Set(), users: new Set([1, 2]) } })
    expect(await verify(await signed(ec, { users: [] })))
      .toMatchObject({ caller: { users: new Set() } })
  })

  test('may have any of the algorithms, a type of access tokens, other audiences too', async () => {
    for (
      const token of [
        await signed(keys[2]!),
        await signed(ec, {}, { typ: 'at+jwt' }),
        await signed(ec, {}, { typ: undefined }),
        await signed(ec, { aud: ['other', AUDIENCE] }),
        await signed(ec, { nbf: inSeconds(-1), iat: inSeconds(3) }),
      ]
    ) expect(await verify(token)).toHaveProperty('caller')
  })

  test('may be signed with the secret', async () => {
    expect(await withSecret(await signedWith(SECRET, { scope: 'admin' })))
      .toMatchObject({ caller: { name: 'somebody', scopes: new Set(['admin']) } })
  })
})

describe('a JWT that is not taken', () => {
  test.each<[string, object]>([
    ['has no end', { exp: undefined }],
    ['has a date for an end', { exp: '2100-01-01' }],
    ['begins later', { nbf: inSeconds(60) }],
    ['is from somebody else', { iss: 'https://id.example' }],
    ['is from nobody', { iss: undefined }],
    ['is for somebody else', { aud: 'ledger2' }],
    ['is for others', { aud: ['other', 'ledger2'] }],
    ['is for nobody', { aud: undefined }],
    ['has no subject', { sub: undefined }],
    ['has an empty subject', { sub: '' }],
    ['has a number as subject', { sub: 7 }],
    ['has a list of scopes', { scope: ['admin'] }],
    ['has users that are null', { users: null }],
    ['has one user', { users: 1 }],
    ['has a word for all users', { users: 'all' }],
    ['has a star among the users', { users: ['*'] }],
    ['has words for users', { users: ['1'] }],
    ['has a user 0', { users: [1, 0] }],
    ['has half a user', { users: [1.5] }],
  ])('%s', async (_, claims) => {
    expect(await verify(await signed(ec, claims))).toBe('invalid')
    expect(await withSecret(await signedWith(SECRET, claims))).toBe('invalid')
  })

  test('one that has ended', async () => {
    for (const exp of [inSeconds(0), inSeconds(-1), 0, -1]) {
      expect(await verify(await signed(ec, { exp }))).toBe('expired')
      expect(await withSecret(await signedWith(SECRET, { exp }))).toBe('expired')
    }
  })

  test('one with an algorithm that is not in the list, even with a key of the issuer', async () => {
    const rsa = keys[1]!
    expect(await verify(await signed(rsa))).toBe('invalid')
    expect(await withSecret(await signedWith(SECRET, {}, 'HS512'))).toBe('invalid')
    for (const alg of ['none', 'None', '', 'HS256', 'RS256', 'EdDSA', 7, null, undefined]) {
      expect(await verify(await signed(ec, {}, { alg })), String(alg)).toBe('invalid')
    }
  })

  test('one without a signature', async () => {
    for (const alg of ['none', 'ES256', 'HS256']) {
      const text = `${base64url({ alg, typ: 'JWT', kid: 'ec' })}.${base64url(claimsOf({}))}`
      for (const token of [`${text}.`, text, `${text}.AAAA`]) {
        expect(await verify(token), alg).toBe('invalid')
        expect(await withSecret(token), alg).toBe('invalid')
      }
    }
  })

  test('one that is signed with the public key as if that were a secret', async () => {
    const spki = await crypto.subtle.exportKey(
      'spki',
      await crypto.subtle.importKey(
        'jwk',
        ec.public,
        { name: 'ECDSA', namedCurve: 'P-256' },
        true,
        ['verify'],
      ),
    )
    const pem = `-----BEGIN PUBLIC KEY-----\n${
      Buffer.from(spki).toString('base64')
    }\n-----END PUBLIC KEY-----`
    for (const secret of [pem, JSON.stringify(ec.public), ec.public.x!]) {
      expect(await verify(await signedWith(secret))).toBe('invalid')
    }
  })

  test('one that is signed by somebody else, or names no key, or one that nobody has', async () => {
    expect(await verify(await signed(stranger))).toBe('invalid')
    expect(await verify(await signed(ec, {}, { kid: undefined }))).toBe('invalid')
    expect(await verify(await signed(ec, {}, { kid: 'other' }))).toBe('invalid')
    expect(await verify(await signed(ec, {}, { kid: 'rsa' }))).toBe('invalid')
    expect(await withSecret(await signedWith(SECRET.toUpperCase()))).toBe('invalid')
  })

  test('one that was changed', async () => {
    const [head, , signature] = (await signed(ec, { scope: 'read' })).split('.')
    const token = `${head}.${base64url(claimsOf({ scope: 'admin' }))}.${signature}`
    expect(await verify(token)).toBe('invalid')
  })

  test('one that is for something else, or demands what nobody here knows', async () => {
    for (const typ of ['JOSE', 'dpop+jwt', 7, null]) {
      expect(await verify(await signed(ec, {}, { typ }))).toBe('invalid')
    }
    expect(await verify(await signed(ec, {}, { crit: ['exp'] }))).toBe('invalid')
  })

  test.each(['..', 'a.b.c', 'e30.e30.', 'bnVsbA.bnVsbA.AAAA', '.bnVsbA.', 'W10.W10.W10', 'a.b'])(
    'what only looks like one: %s',
    async (token) => {
      expect(await verify(token)).toBe('invalid')
      expect(await withSecret(token)).toBe('invalid')
    },
  )
})

test('claimedName() is the subject, whoever signed it', async () => {
  expect(verify.claimedName(await signed(stranger, { sub: 'shop' }))).toBe('shop')
  for (const sub of [undefined, '', 7, null, 'x'.repeat(256)]) {
    expect(verify.claimedName(await signed(ec, { sub }))).toBeUndefined()
  }
  for (const token of ['..', 'a.b.c', 'bnVsbA.bnVsbA.AAAA', 'W10.W10.W10', 'a.b']) {
    expect(verify.claimedName(token)).toBeUndefined()
  }
})

test('without keys nobody is told that a JWT is wrong', async () => {
  const busy = createJwtVerifier({
    ...WHO,
    algorithms: ['ES256'],
    key: { jwks: () => Promise.reject(new Problem('busy')) },
  })
  await expect(busy(await signed(ec))).rejects.toMatchObject({ code: 'busy' })
  // That one is wrong without any key.
  expect(await busy(await signed(keys[2]!))).toBe('invalid')
})
