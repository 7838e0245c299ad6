import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { describeConfig, loadConfig } from '../../../src/config/config.ts'
import { keysRead } from './config_keys.ts'

/** The settings of `.env.example` in its order; an empty value means that there is no default. */
const example = [...readFileSync('.env.example', 'utf8').matchAll(/^#([A-Z_]+)=(.*)$/gm)]
  .map(([, key, value]) => ({ key: key!, value: value! }))

const camelCase = (key: string) =>
  key.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

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
