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
    })).toEqual({
      port: 0,
      host: '::1',
      databaseUrl: 'postgresql://ledger_service:pass@db:5432/ledger',
      redis: { url: 'https://redis.example', token: 'token' },
      snapshotTtlSeconds: 86400,
      dataDir: '/var/lib/ledger',
      logLevel: 'silent',
      accessLog: false,
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
