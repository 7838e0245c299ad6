import { setTimeout as wait } from 'node:timers/promises'
import { errors as jose } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createJwks, type Jwks } from '../../../src/auth/jwks.ts'
import { type Issuer, makeKey, startIssuer } from '../../support/issuer.ts'

const MINUTE_MS = 60_000

let issuer: Issuer
let jwks: Jwks
let errors: unknown[]

beforeEach(async () => {
  issuer = await startIssuer([await makeKey('a')])
  vi.useFakeTimers({ toFake: ['Date'] })
  errors = []
  jwks = createJwks({ url: issuer.url, onError: (error) => errors.push(error) })
})

afterEach(async () => {
  vi.useRealTimers()
  await issuer.close()
})

const passes = (ms: number) => void vi.setSystemTime(Date.now() + ms)

const keyFor = async (kid: string) =>
  await jwks({ alg: 'ES256', kid }, { payload: '', signature: '' })

/** Whether the issuer has a key of this name. */
const has = (kid: string): Promise<boolean> =>
  keyFor(kid).then(() => true, (error: unknown) => {
    if (error instanceof jose.JWKSNoMatchingKey) return false
    throw error
  })
const BUSY = { name: 'Problem', code: 'busy' }
const fail = () => issuer.answer = (response) => response.writeHead(500).end()

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1))
}

describe('the keys of an issuer', () => {
  test('fetches when it is first asked, once for all who wait', async () => {
    expect(issuer.asked).toBe(0)
    expect(await Promise.all([has('a'), has('a'), has('b')])).toEqual([true, true, false])
    expect(await has('a')).toBe(true)
    expect(issuer.asked).toBe(1)
  })

  test('a key that nobody knows is asked for at most every 10 seconds', async () => {
    await has('a')
    for (let i = 0; i < 100; i++) expect(await has(`x${i}`)).toBe(false)
    expect(issuer.asked).toBe(1)
    passes(10_000)
    issuer.keys = [(await makeKey('b')).public, { kid: 'c', kty: 'RSA' }]
    expect(await has('b')).toBe(true)
    expect(issuer.asked).toBe(2)
  })

  test('old keys are fetched again while requests go on with those there are', async () => {
    await has('a')
    passes(5 * MINUTE_MS - 1)
    await has('a')
    expect(issuer.asked).toBe(1)
    passes(1)
    issuer.keys = [(await makeKey('b')).public]
    expect(await has('a')).toBe(true)
    await until(() => issuer.asked === 2)
    while (!await has('b')) await new Promise((resolve) => setTimeout(resolve, 1))
    // What the issuer has withdrawn counts no more.
    expect(await has('a')).toBe(false)
    expect(issuer.asked).toBe(2)
  })

  test('an issuer out of reach: keys count for an hour, then it is busy', async () => {
    await has('a')
    fail()
    passes(60 * MINUTE_MS - 1)
    expect(await has('a')).toBe(true)
    await until(() => errors.length === 1)
    passes(1)
    await expect(keyFor('a')).rejects.toMatchObject(BUSY)
  })

  test('an issuer that never answered is asked again after a second, not for each request', async () => {
    fail()
    for (let i = 0; i < 20; i++) await expect(keyFor('a')).rejects.toMatchObject(BUSY)
    expect(issuer.asked).toBe(1)
    passes(1_000)
    issuer.answer = undefined
    expect(await has('a')).toBe(true)
    expect(issuer.asked).toBe(2)
  })

  test('while the issuer fails nobody says that an unknown key is wrong', async () => {
    await has('a')
    fail()
    passes(10_000)
    await expect(keyFor('b')).rejects.toMatchObject(BUSY)
    await expect(keyFor('b')).rejects.toMatchObject(BUSY)
    expect(await has('a')).toBe(true)
    expect(issuer.asked).toBe(2)
  })

  test('a hanging issuer has some time, and is given up then', async () => {
    issuer.answer = () => {}
    const keys = keyFor('a')
    expect(await Promise.race([keys.catch(() => 'given up'), wait(1_800, 'waits')])).toBe('waits')
    await expect(keys).rejects.toMatchObject(BUSY)
  })

  test.each<[string, () => void]>([
    ['a status of failure', fail],
    ['HTML', () => issuer.keys = '<html>'],
    ['no keys', () => issuer.keys = '{}'],
    ['keys that are none', () => issuer.keys = '{"keys": ["a"]}'],
    ['too many keys', () => issuer.keys = Array.from({ length: 101 }, () => ({ kid: 'a' }))],
    [
      'too long an answer',
      () => issuer.keys = JSON.stringify({ keys: [], x: 'x'.repeat(300_000) }),
    ],
    ['no connection', () => issuer.answer = (response) => response.destroy()],
    ['a redirect', () => {
      issuer.answer = (response) => {
        issuer.answer = undefined
        response.writeHead(302, { Location: issuer.url }).end()
      }
    }],
  ])('%s is no set of keys', async (_, set) => {
    set()
    await expect(keyFor('a')).rejects.toMatchObject(BUSY)
    expect(errors).toHaveLength(1)
  })

  test('takes no secrets and no keys for encryption', async () => {
    const { public: key } = await makeKey('a')
    issuer.keys = [
      { kid: 'secret', kty: 'oct', k: 'AAAA' },
      { ...key, kid: 'enc', use: 'enc' },
      { ...key, kid: '' },
      { ...key, kid: 'sig', use: 'sig' },
    ]
    for (const kid of ['secret', 'enc', '', 'a']) expect(await has(kid), kid).toBe(false)
    expect(await has('sig')).toBe(true)
  })
})
