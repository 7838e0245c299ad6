import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { describeConfig, loadConfig } from '../../../src/config/config.ts'

/** The settings of `.env.example` in its order; an empty value means that there is no default. */
const example = [...readFileSync('.env.example', 'utf8').matchAll(/^#([A-Z_]+)=(.*)$/gm)]
  .map(([, key, value]) => ({ key: key!, value: value! }))

/** The keys that loadConfig() reads, in its order: what it asks its environment for. */
function keysRead(): string[] {
  const keys = new Set<string>()
  loadConfig(
    new Proxy({}, {
      get: (_, key) => {
        keys.add(String(key))
        return undefined
      },
    }),
  )
  return [...keys]
}

const camelCase = (key: string) =>
  key.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

function refusal(env: Record<string, string>): string {
  try {
    loadConfig(env)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error(`${Object.keys(env).join(', ')} should have been refused`)
}

describe('.env.example', () => {
  test('lists every key that loadConfig() reads, in its order', () => {
    expect(example.map(({ key }) => key)).toEqual(keysRead())
  })

  test('says one line about each key, above it', () => {
    const lines = readFileSync('.env.example', 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(example.length * 2)
    example.forEach(({ key }, i) => {
      expect(lines[2 * i]).toMatch(/^# \S.*[.]$/)
      expect(lines[2 * i + 1]).toMatch(new RegExp(`^#${key}=`))
    })
  })

  test('shows the default of each key that has one', () => {
    for (const { key, value } of example.filter(({ value }) => value !== '')) {
      expect(loadConfig({ [key]: value }), key).toEqual(loadConfig({}))
    }
    expect(example.filter(({ value }) => value !== '').map(({ key }) => camelCase(key)))
      .toEqual(Object.keys(loadConfig({})))
  })
})

const EVERY_SETTING = {
  PORT: '0',
  HOST: '::1',
  METRICS_PORT: '0',
  PUBLIC_URL: 'https://API.example/ledger/',
  ALLOWED_HOSTS: 'ledger.LAN,db.lan',
  CORS_ORIGINS: 'https://app.example,http://localhost:5173',
  ACCESS: 'on',
  ACCESS_TOKENS_FILE: '/run/tokens.json',
  ACCESS_FAILURES_PER_MINUTE: '7',
  JWT_JWKS_URL: 'https://id.example/jwks',
  JWT_ALGORITHMS: 'ES256,EdDSA',
  JWT_ISSUER: 'https://id.example/',
  JWT_AUDIENCE: 'ledger',
  DATABASE_URL: 'postgresql://ledger_service:pass@db:5432/ledger',
  DATABASE_READ_URL: 'postgres://ledger_service:pass@a,b/ledger?target_session_attrs=any',
  MIGRATE_DATABASE_URL: 'postgres://owner:pass@db:5432/ledger',
  UPSTASH_REDIS_REST_URL: 'https://redis.example',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  SNAPSHOT_TTL_SECONDS: '86400',
  DATA_DIR: '/var/lib/ledger',
  LOG_LEVEL: 'silent',
  ACCESS_LOG: 'off',
  REQUEST_DEADLINE_MS: '100',
  BODY_DEADLINE_MS: '600000',
  STREAM_STALL_MS: '100',
  KEEP_ALIVE_MS: '86400000',
  RESPONSE_DEADLINE_MS: '1000',
  STATEMENT_DEADLINE_MS: '86400000',
  HEADERS_DEADLINE_MS: '100',
  MAX_HEADER_BYTES: '1024',
  MAX_BODY_BYTES: '1024',
  MAX_DEBITS_BODY_BYTES: '16777216',
  MAX_CONNECTIONS: '1',
  MAX_REQUESTS_PER_CONNECTION: '1',
  MAX_QUEUE: '1',
  RATE_LIMIT: '1',
  RATE_LIMIT_SECONDS: '86400',
}

describe('loadConfig()', () => {
  test('takes an empty value as unset, but for what lets people in', () => {
    const refused = keysRead().filter((key) => /^(ACCESS|ACCESS_TOKENS_FILE|JWT_\w+)$/.test(key))
    const others = keysRead().filter((key) => !refused.includes(key))
    expect(loadConfig(Object.fromEntries(others.map((key) => [key, ''])))).toEqual(loadConfig({}))
    expect(refused.length).toBeGreaterThan(6)
    for (const key of refused) expect(refusal({ [key]: '' })).toBe(`${key} must not be empty`)
  })

  test('reads every setting', () => {
    expect(loadConfig(EVERY_SETTING)).toEqual({
      port: 0,
      host: '::1',
      metricsPort: 0,
      publicUrl: 'https://api.example/ledger',
      allowedHosts: ['ledger.lan', 'db.lan'],
      corsOrigins: ['https://app.example', 'http://localhost:5173'],
      accessTokensFile: '/run/tokens.json',
      accessFailuresPerMinute: 7,
      jwt: {
        jwksUrl: 'https://id.example/jwks',
        algorithms: ['ES256', 'EdDSA'],
        issuer: 'https://id.example/',
        audience: 'ledger',
      },
      databaseUrl: 'postgresql://ledger_service:pass@db:5432/ledger',
      databaseReadUrl: 'postgres://ledger_service:pass@a,b/ledger?target_session_attrs=any',
      migrateDatabaseUrl: 'postgres://owner:pass@db:5432/ledger',
      redis: { url: 'https://redis.example', token: 'token' },
      snapshotTtlSeconds: 86400,
      dataDir: '/var/lib/ledger',
      logLevel: 'silent',
      accessLog: false,
      requestDeadlineMs: 100,
      bodyDeadlineMs: 600_000,
      streamStallMs: 100,
      keepAliveMs: 86_400_000,
      responseDeadlineMs: 1_000,
      statementDeadlineMs: 86_400_000,
      headersDeadlineMs: 100,
      maxHeaderBytes: 1_024,
      maxBodyBytes: 1_024,
      maxDebitsBodyBytes: 16_777_216,
      maxConnections: 1,
      maxRequestsPerConnection: 1,
      maxQueue: 1,
      rateLimit: 1,
      rateLimitSeconds: 86_400,
    })
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

test('describeConfig() shows places and numbers, and of every other text only that it is set', () => {
  const described = describeConfig({
    ...loadConfig({
      DATABASE_URL: 'postgres://alice:secret@db:5432/ledger?sslmode=require&password=secret',
      MIGRATE_DATABASE_URL: 'postgres://bob:secret@db/ledger',
      UPSTASH_REDIS_REST_URL: 'https://user:secret@redis.example/?token=secret',
      UPSTASH_REDIS_REST_TOKEN: 'secret',
    }),
    somethingNew: 'secret',
    nested: { list: ['secret'], text: 'secret' },
  })
  expect(JSON.stringify(described)).not.toContain('secret')
  expect(described).toMatchObject({
    port: 3000,
    databaseUrl: 'postgres://alice@db:5432/ledger?sslmode=require',
    migrateDatabaseUrl: 'postgres://bob@db:5432/ledger',
    redis: { url: 'https://user@redis.example/', token: '***' },
    somethingNew: '***',
    nested: { list: 1, text: '***' },
  })
})
