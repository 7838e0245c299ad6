/** Settings that loadConfig() refuses, and what is close to them. */
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { keysRead } from './config_keys.ts'

function refusal(env: Record<string, string>): string {
  try {
    loadConfig(env)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error(`${Object.keys(env).join(', ')} should have been refused`)
}

describe('loadConfig()', () => {
  test('takes an empty value as unset, but for what lets people in', () => {
    const refused = keysRead().filter((key) => /^(ACCESS|ACCESS_TOKENS_FILE|JWT_\w+)$/.test(key))
    const others = keysRead().filter((key) => !refused.includes(key))
    expect(loadConfig(Object.fromEntries(others.map((key) => [key, ''])))).toEqual(loadConfig({}))
    expect(refused.length).toBeGreaterThan(6)
    for (const key of refused) expect(refusal({ [key]: '' })).toBe(`${key} must not be empty`)
  })

  test.each([
    ['PORT', '65536'],
    ['PORT', '-17'],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['PORT', ' 8080'],
    ['PORT', '99999999999999999999'],
    ['HOST', 'some where'],
    ['HOST', 'http://127.0.0.1/'],
    ['METRICS_PORT', '65536'],
    ['PUBLIC_URL', '/ledger'],
    ['PUBLIC_URL', 'ftp://secret.example'],
    ['PUBLIC_URL', 'https://me:secret@api.example'],
    ['PUBLIC_URL', 'https://api.example/?secret'],
    ['ALLOWED_HOSTS', 'https://secret.example'],
    ['ALLOWED_HOSTS', 'secret.example:3000'],
    ['ALLOWED_HOSTS', 'secret.example, other.example'],
    ['ALLOWED_HOSTS', '*'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'null'],
    ['CORS_ORIGINS', 'https://secret.example/'],
    ['CORS_ORIGINS', 'https://secret.example,'],
    ['CORS_ORIGINS', 'secret.example'],
    ['ACCESS', 'true'],
    ['ACCESS_FAILURES_PER_MINUTE', '00'],
    ['ACCESS_FAILURES_PER_MINUTE', '1e3'],
    ['ACCESS_FAILURES_PER_MINUTE', '1000000'],
    ['JWT_JWKS_URL', 'secret'],
    ['JWT_JWKS_URL', 'http://secret.example/jwks'],
    ['JWT_JWKS_URL', 'http://127.0.0.1.secret.example/jwks'],
    ['JWT_JWKS_URL', 'https://me:secret@id.example/jwks'],
    ['JWT_SECRET', 'secret secret secret secret secret secret'],
    ['JWT_ALGORITHMS', 'ES256, RS256'],
    ['JWT_ALGORITHMS', ','],
    ['JWT_ISSUER', 'secret issuer'],
    ['JWT_AUDIENCE', 'secret\n'],
    ['DATABASE_URL', 'secret@db'],
    ['DATABASE_URL', 'mysql://secret@db/ledger'],
    ['DATABASE_READ_URL', 'postgres://secret@db/ledger?target_session_attrs=primary'],
    ['MIGRATE_DATABASE_URL', 'mysql://secret@db/ledger'],
    ['UPSTASH_REDIS_REST_URL', 'redis://secret@cache:6379'],
    ['UPSTASH_REDIS_REST_TOKEN', 'secret token'],
    ['UPSTASH_REDIS_REST_TOKEN', 'secret\ntoken'],
    ['SNAPSHOT_TTL_SECONDS', '000'],
    ['SNAPSHOT_TTL_SECONDS', '86401'],
    ['SNAPSHOT_TTL_SECONDS', '1e3'],
    ['SNAPSHOT_TTL_SECONDS', '60s'],
    ['LOG_LEVEL', 'INFO'],
    ['LOG_LEVEL', 'verbose'],
    ['ACCESS_LOG', 'true'],
    ['REQUEST_DEADLINE_MS', '99'],
    ['REQUEST_DEADLINE_MS', '60001'],
    ['BODY_DEADLINE_MS', '600001'],
    ['STREAM_STALL_MS', '99'],
    ['KEEP_ALIVE_MS', '1999'],
    ['RESPONSE_DEADLINE_MS', '999'],
    ['STATEMENT_DEADLINE_MS', '86400001'],
    ['HEADERS_DEADLINE_MS', '600001'],
    ['MAX_HEADER_BYTES', '1023'],
    ['MAX_BODY_BYTES', '1023'],
    ['MAX_DEBITS_BODY_BYTES', '16777217'],
    ['MAX_CONNECTIONS', '-1'],
    ['MAX_REQUESTS_PER_CONNECTION', '000'],
    ['MAX_QUEUE', '-1'],
    ['RATE_LIMIT', '000'],
    ['RATE_LIMIT_SECONDS', '000'],
  ])('refuses %s=%j in one line that names it and hides the value', (key, value) => {
    const message = refusal({ [key]: value })
    expect(message).toMatch(new RegExp(`^${key} \\S.*$`))
    expect(message).not.toContain('\n')
    expect(message).not.toContain(value)
  })

  test.each([
    [{ UPSTASH_REDIS_REST_URL: 'https://secret.example' }],
    [{ UPSTASH_REDIS_REST_TOKEN: 'secret' }],
  ])('refuses half of the settings of Redis', (env) => {
    expect(refusal(env)).toBe(
      'UPSTASH_REDIS_REST_TOKEN must be set together with UPSTASH_REDIS_REST_URL',
    )
  })

  test.each([
    '0.0.0.0',
    '::',
    '10.0.0.7',
    'ledger.example',
    '127.0.0.1.example',
    'localhost.example',
  ])(
    'refuses HOST=%s without access, unless a word says so',
    (HOST) => {
      expect(refusal({ HOST })).toMatch(/^HOST .*ACCESS_TOKENS_FILE.*ACCESS=off/)
      expect(loadConfig({ HOST, ACCESS: 'off' }).host).toBe(HOST)
      expect(loadConfig({ HOST, ACCESS_TOKENS_FILE: 'tokens.json' }).host).toBe(HOST)
      expect(loadConfig({ HOST, ...SECRET, ...WHO }).host).toBe(HOST)
    },
  )

  test.each(['localhost', '127.0.0.1', '127.1.2.3', '::1'])('takes HOST=%s as it is', (HOST) => {
    expect(loadConfig({ HOST }).host).toBe(HOST)
  })

  test('refuses ACCESS that says something else than the settings beside it', () => {
    expect(refusal({ ACCESS: 'on' })).toMatch(/^ACCESS needs /)
    expect(refusal({ ACCESS: 'off', ACCESS_TOKENS_FILE: 'x' })).toMatch(/^ACCESS must not be off /)
    expect(refusal({ ACCESS: 'off', ...SECRET, ...WHO })).toMatch(/^ACCESS must not be off /)
  })

  const SECRET = { JWT_SECRET: 'x'.repeat(32), JWT_ALGORITHMS: 'HS256' }
  const JWKS = { JWT_JWKS_URL: 'https://id.example/jwks', JWT_ALGORITHMS: 'RS256' }
  const WHO = { JWT_ISSUER: 'issuer', JWT_AUDIENCE: 'audience' }

  test.each([
    ['JWT_JWKS_URL', { JWT_ISSUER: 'issuer' }],
    ['JWT_JWKS_URL', { JWT_AUDIENCE: 'audience' }],
    ['JWT_JWKS_URL', { JWT_ALGORITHMS: 'RS256', ...WHO }],
    ['JWT_SECRET', { ...SECRET, ...JWKS, ...WHO }],
    ['JWT_ALGORITHMS', { ...SECRET, ...WHO, JWT_ALGORITHMS: '' }],
    ['JWT_ISSUER', { ...SECRET, JWT_AUDIENCE: 'audience' }],
    ['JWT_AUDIENCE', { ...JWKS, JWT_ISSUER: 'issuer' }],
    // A public key is no secret: whoever has it could sign with it.
    ['JWT_ALGORITHMS', { ...JWKS, ...WHO, JWT_ALGORITHMS: 'RS256,HS256' }],
    ['JWT_ALGORITHMS', { ...SECRET, ...WHO, JWT_ALGORITHMS: 'RS256' }],
    ['JWT_ALGORITHMS', { ...JWKS, ...WHO, JWT_ALGORITHMS: 'none' }],
    ['JWT_SECRET', { ...SECRET, ...WHO, JWT_SECRET: 'x'.repeat(31) }],
    ['JWT_SECRET', { ...SECRET, ...WHO, JWT_ALGORITHMS: 'HS256,HS512' }],
  ])('refuses settings for JWT that leave something open, by the name of %s', (key, env) => {
    const message = refusal(env)
    expect(message).toMatch(new RegExp(`^${key} \\S.*$`))
    for (const value of ['issuer', 'audience', 'xxx', 'example']) {
      expect(message.toLowerCase().replaceAll(/jwt_\w+/g, '')).not.toContain(value)
    }
  })

  test('takes keys over http from this machine only', () => {
    for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]']) {
      const jwksUrl = `http://${host}:8080/jwks`
      expect(loadConfig({ ...JWKS, ...WHO, JWT_JWKS_URL: jwksUrl }).jwt).toMatchObject({ jwksUrl })
    }
  })

  test('takes a secret for JWT that is as long as its algorithms need', () => {
    expect(loadConfig({ ...SECRET, ...WHO }).jwt).toEqual({
      secret: 'x'.repeat(32),
      algorithms: ['HS256'],
      issuer: 'issuer',
      audience: 'audience',
    })
  })
})
