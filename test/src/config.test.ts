import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config.ts'

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
    for (const { key, value } of example) {
      expect(loadConfig({ [key]: value }), key).toEqual(loadConfig({}))
    }
    expect(example.filter(({ value }) => value !== '').map(({ key }) => camelCase(key)))
      .toEqual(Object.keys(loadConfig({})))
  })
})

describe('loadConfig()', () => {
  test('takes an empty value as unset', () => {
    expect(loadConfig(Object.fromEntries(keysRead().map((key) => [key, '']))))
      .toEqual(loadConfig({}))
  })

  test('reads every setting', () => {
    expect(loadConfig({
      PORT: '0',
      HOST: '::1',
      DATABASE_URL: 'postgresql://ledger_service:pass@db:5432/ledger',
      UPSTASH_REDIS_REST_URL: 'https://redis.example',
      UPSTASH_REDIS_REST_TOKEN: 'token',
      SNAPSHOT_TTL_SECONDS: '86400',
      DATA_DIR: '/var/lib/ledger',
      LOG_LEVEL: 'silent',
      ACCESS_LOG: 'off',
      REQUEST_DEADLINE_MS: '100',
      BODY_DEADLINE_MS: '600000',
      STREAM_STALL_MS: '100',
      HEADERS_DEADLINE_MS: '100',
      MAX_HEADER_BYTES: '1024',
      MAX_BODY_BYTES: '1024',
      MAX_DEBITS_BODY_BYTES: '16777216',
      MAX_CONNECTIONS: '1',
      MAX_REQUESTS_PER_CONNECTION: '1',
      MAX_QUEUE: '1',
      RATE_LIMIT: '1',
      RATE_LIMIT_SECONDS: '86400',
    })).toEqual({
      port: 0,
      host: '::1',
      databaseUrl: 'postgresql://ledger_service:pass@db:5432/ledger',
      redis: { url: 'https://redis.example', token: 'token' },
      snapshotTtlSeconds: 86400,
      dataDir: '/var/lib/ledger',
      logLevel: 'silent',
      accessLog: false,
      requestDeadlineMs: 100,
      bodyDeadlineMs: 600_000,
      streamStallMs: 100,
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
    ['DATABASE_URL', 'secret@db'],
    ['DATABASE_URL', 'mysql://secret@db/ledger'],
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
})
