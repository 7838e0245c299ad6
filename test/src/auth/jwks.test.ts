import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createJwks, type Jwks } from '../../../src/auth/jwks.ts'
import { type Issuer, makeKey, startIssuer } from '../../support/issuer.ts'

const MINUTE_MS = 60_000

let issuer: Issuer
let jwks: Jwks
let time: number
let errors: unknown[]

beforeEach(async () => {
  issuer = await startIssuer([await makeKey('a')])
  time = 1_000_000
  errors = []
  jwks = createJwks({ url: issuer.url, now: () => time, onError: (error) => errors.push(error) })
})

afterEach(() => issuer.close())

const idsFor = async (id: string) => (await jwks.keysFor(id)).map(({ kid }) => kid)
const BUSY = { name: 'Problem', code: 'busy' }
const fail = () => issuer.answer = (response) => response.writeHead(500).end()

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1))
}

describe('keysFor()', () => {
  test('fetches when it is first asked, once for all who wait', async () => {
    expect(issuer.asked).toBe(0)
    expect(await Promise.all([idsFor('a'), idsFor('a'), idsFor('b')])).toEqual([['a'], ['a'], [
      'a',
    ]])
    expect(await idsFor('a')).toEqual(['a'])
    expect(issuer.asked).toBe(1)
  })

  test('a key that nobody knows is asked for at most every 10 seconds', async () => {
    await idsFor('a')
    for (let i = 0; i < 100; i++) await idsFor(`x${i}`)
    expect(issuer.asked).toBe(1)
    time += 10_000
    issuer.keys = [(await makeKey('b')).public, { kid: 'c', kty: 'RSA' }]
    expect(await idsFor('b')).toEqual(['b', 'c'])
    expect(issuer.asked).toBe(2)
  })

  test('old keys are fetched again while requests go on with those there are', async () => {
    await idsFor('a')
    time += 5 * MINUTE_MS - 1
    await idsFor('a')
    expect(issuer.asked).toBe(1)
    time += 1
    issuer.keys = [(await makeKey('b')).public]
    expect(await idsFor('a')).toEqual(['a'])
    await until(() => issuer.asked === 2)
    while ((await idsFor('b'))[0] !== 'b') await new Promise((resolve) => setTimeout(resolve, 1))
    // What the issuer has withdrawn counts no more.
    expect(await idsFor('a')).toEqual(['b'])
    expect(issuer.asked).toBe(2)
  })

  test('an issuer out of reach: keys count for an hour, then it is busy', async () => {
    await idsFor('a')
    fail()
    time += 60 * MINUTE_MS - 1
    expect(await idsFor('a')).toEqual(['a'])
    await until(() => errors.length === 1)
    time += 1
    await expect(jwks.keysFor('a')).rejects.toMatchObject(BUSY)
  })

  test('an issuer that never answered is asked again after a second, not for each request', async () => {
    fail()
    for (let i = 0; i < 20; i++) await expect(jwks.keysFor('a')).rejects.toMatchObject(BUSY)
    expect(issuer.asked).toBe(1)
    time += 1_000
    issuer.answer = undefined
    expect(await idsFor('a')).toEqual(['a'])
    expect(issuer.asked).toBe(2)
  })

  test('while the issuer fails nobody says that an unknown key is wrong', async () => {
    await idsFor('a')
    fail()
    time += 10_000
    await expect(jwks.keysFor('b')).rejects.toMatchObject(BUSY)
    await expect(jwks.keysFor('b')).rejects.toMatchObject(BUSY)
    expect(await idsFor('a')).toEqual(['a'])
    expect(issuer.asked).toBe(2)
  })

  test('a hanging issuer has some time, and is given up then', async () => {
    issuer.answer = () => {}
    const keys = jwks.keysFor('a')
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
    await expect(jwks.keysFor('a')).rejects.toMatchObject(BUSY)
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
    expect(await idsFor('a')).toEqual(['sig'])
  })
})
