/** Settings from the environment; `.env.example` lists the same keys in the same order. */
import { z } from 'zod'
import { ACCESS_SETTINGS, accessConfig, accessFault, NEVER_EMPTY } from './access_config.ts'
import type { AccessConfig } from './access_config.ts'
import { checkDatabaseUrl } from './database_tls.ts'
import { describeDatabaseUrl } from './database_url.ts'
import { EDGE_SETTINGS, type EdgeConfig, edgeConfig } from './edge_config.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { standbyUrl, withPgVariables } from './pg_variables.ts'

const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `must be a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`,
  })

const databaseUrl = z.string().superRefine((text, issues) => {
  try {
    checkDatabaseUrl(text)
  } catch (error) {
    issues.addIssue({ code: 'custom', message: (error as Error).message })
  }
})

const integer = (min: number, max: number) =>
  z.string().regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`).transform(Number)
    .refine((n) => n >= min && n <= max, `must be a whole number from ${min} to ${max}`)

const settings = z.object({
  PORT: integer(0, 65535).default(3000),
  HOST: z.string().regex(/^[\w.:-]+$/, 'must be a host name or an address').default('127.0.0.1'),
  METRICS_PORT: integer(0, 65535).optional(),
  ...EDGE_SETTINGS,
  ...ACCESS_SETTINGS,
  WEBHOOKS_FILE: z.string().optional(),
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_READ_URL: databaseUrl.optional(),
  MIGRATE_DATABASE_URL: databaseUrl.optional(),
  UPSTASH_REDIS_REST_URL: url('http:', 'https:').optional(),
  UPSTASH_REDIS_REST_TOKEN: z.string().regex(/^[!-~]+$/, 'must be visible ASCII').optional(),
  SNAPSHOT_TTL_SECONDS: integer(1, 86_400).default(60),
  DATA_DIR: z.string().default('.data'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  ACCESS_LOG: z.enum(['on', 'off']).default('on'),
  REQUEST_DEADLINE_MS: integer(100, 60_000).default(DEFAULT_LIMITS.requestDeadlineMs),
  BODY_DEADLINE_MS: integer(100, 600_000).default(DEFAULT_LIMITS.bodyDeadlineMs),
  STREAM_STALL_MS: integer(100, 3_600_000).default(DEFAULT_LIMITS.streamStallMs),
  KEEP_ALIVE_MS: integer(2000, 86_400_000).default(DEFAULT_LIMITS.keepAliveMs),
  RESPONSE_DEADLINE_MS: integer(1000, 3_600_000).default(DEFAULT_LIMITS.responseDeadlineMs),
  STATEMENT_DEADLINE_MS: integer(1000, 86_400_000).default(DEFAULT_LIMITS.statementDeadlineMs),
  HEADERS_DEADLINE_MS: integer(100, 600_000).default(DEFAULT_LIMITS.headersDeadlineMs),
  MAX_HEADER_BYTES: integer(1024, 1_048_576).default(DEFAULT_LIMITS.maxHeaderBytes),
  MAX_BODY_BYTES: integer(1024, 16_777_216).default(DEFAULT_LIMITS.maxBodyBytes),
  MAX_DEBITS_BODY_BYTES: integer(1024, 16_777_216).default(DEFAULT_LIMITS.maxDebitsBodyBytes),
  MAX_CONNECTIONS: integer(1, 1_000_000).default(DEFAULT_LIMITS.maxConnections),
  MAX_REQUESTS_PER_CONNECTION: integer(1, 999_999_999).default(
    DEFAULT_LIMITS.maxRequestsPerConnection,
  ),
  MAX_QUEUE: integer(1, 1_000_000).default(DEFAULT_LIMITS.maxQueue),
  RATE_LIMIT: integer(1, 999_999_999).optional(),
  RATE_LIMIT_SECONDS: integer(1, 86_400).default(1),
}).refine((s) => !s.UPSTASH_REDIS_REST_URL === !s.UPSTASH_REDIS_REST_TOKEN, {
  path: ['UPSTASH_REDIS_REST_TOKEN'],
  message: 'must be set together with UPSTASH_REDIS_REST_URL',
}).superRefine((s, issues) => {
  const [key, message] = accessFault(s, s.HOST) ?? []
  if (key) issues.addIssue({ code: 'custom', path: [key], message: message! })
})

/** The names of all settings. */
export const SETTINGS: readonly string[] = Object.keys(settings.shape)

export interface Config extends AccessConfig, EdgeConfig, Limits {
  port: number
  host: string
  /** The port of GET /metrics. Default: the port of the service. */
  metricsPort?: number
  /** Who gets events, and where. */
  webhooksFile?: string
  databaseUrl?: string
  /** The URL of standbys of that database. */
  databaseReadUrl?: string
  /** The URL of the same database for its owner. */
  migrateDatabaseUrl?: string
  /** timeoutMs: of a call to it; left out, a quarter of a second. */
  redis?: { url: string; token: string; timeoutMs?: number }
  snapshotTtlSeconds: number
  dataDir: string
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  accessLog: boolean
  /** Requests of a caller in each window. Default: no limit. */
  rateLimit?: number
  rateLimitSeconds: number
}

/**
 * Parses the settings. An empty value counts as unset, except of those that say who may come in.
 * @param passwordLines the file of passwords (see pg_variables.ts), for a URL without one
 * @throws Error with one line that names the first bad setting, never its value
 * @example
 * loadConfig({ PORT: '8080' }) // { port: 8080, host: '127.0.0.1', … }: the rest by default
 * loadConfig({ PORT: 'http' }) // Error: PORT must be a whole number from 0 to 65535
 */
export function loadConfig(
  env: Record<string, string | undefined>,
  passwordLines?: string,
): Config {
  const present: Record<string, string> = {}
  for (const key of SETTINGS) {
    const value = env[key]
    if (value) present[key] = value
    else if (value === '' && NEVER_EMPTY.includes(key)) throw new Error(`${key} must not be empty`)
  }
  const parsed = settings.safeParse(present)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new Error(`${issue.path.join('.')} ${issue.message}`)
  }
  const s = parsed.data
  return {
    port: s.PORT,
    host: s.HOST,
    ...(s.METRICS_PORT !== undefined && { metricsPort: s.METRICS_PORT }),
    ...edgeConfig(s),
    ...accessConfig(s),
    ...(s.WEBHOOKS_FILE && { webhooksFile: s.WEBHOOKS_FILE }),
    ...(s.DATABASE_URL && { databaseUrl: withPgVariables(s.DATABASE_URL, env, passwordLines) }),
    ...(s.DATABASE_READ_URL && {
      databaseReadUrl: standbyUrl(withPgVariables(s.DATABASE_READ_URL, env, passwordLines)),
    }),
    ...(s.MIGRATE_DATABASE_URL && {
      migrateDatabaseUrl: withPgVariables(s.MIGRATE_DATABASE_URL, env, passwordLines),
    }),
    ...(s.UPSTASH_REDIS_REST_URL && s.UPSTASH_REDIS_REST_TOKEN && {
      redis: { url: s.UPSTASH_REDIS_REST_URL, token: s.UPSTASH_REDIS_REST_TOKEN },
    }),
    snapshotTtlSeconds: s.SNAPSHOT_TTL_SECONDS,
    dataDir: s.DATA_DIR,
    logLevel: s.LOG_LEVEL,
    accessLog: s.ACCESS_LOG === 'on',
    requestDeadlineMs: s.REQUEST_DEADLINE_MS,
    bodyDeadlineMs: s.BODY_DEADLINE_MS,
    streamStallMs: s.STREAM_STALL_MS,
    keepAliveMs: s.KEEP_ALIVE_MS,
    responseDeadlineMs: s.RESPONSE_DEADLINE_MS,
    statementDeadlineMs: s.STATEMENT_DEADLINE_MS,
    headersDeadlineMs: s.HEADERS_DEADLINE_MS,
    maxHeaderBytes: s.MAX_HEADER_BYTES,
    maxBodyBytes: s.MAX_BODY_BYTES,
    maxDebitsBodyBytes: s.MAX_DEBITS_BODY_BYTES,
    maxConnections: s.MAX_CONNECTIONS,
    maxRequestsPerConnection: s.MAX_REQUESTS_PER_CONNECTION,
    maxQueue: s.MAX_QUEUE,
    ...(s.RATE_LIMIT && { rateLimit: s.RATE_LIMIT }),
    rateLimitSeconds: s.RATE_LIMIT_SECONDS,
  }
}

/**
 * Parses the settings of a command that only needs the database; bad ones about anything else count
 * for nothing.
 * @throws as loadConfig
 */
export function loadDatabaseUrls(
  env: Record<string, string | undefined>,
  passwordLines?: string,
): Pick<Config, 'databaseUrl' | 'migrateDatabaseUrl'> {
  const isAbout = (name: string) => /^(MIGRATE_)?DATABASE_URL$|^PG|^USER$/.test(name)
  const about = Object.entries(env).filter(([name]) => isAbout(name))
  return loadConfig(Object.fromEntries(about), passwordLines)
}

/** Settings that aren't secret. */
const SHOWN = ['host', 'dataDir', 'logLevel']

/** A URL without its password and its query, for the log. */
function placeOf(text: string): string {
  if (text.startsWith('postgres')) return describeDatabaseUrl(text)
  const url = new URL(text)
  const user = url.username && `${url.username}@`
  return `${url.protocol}//${user}${url.host}${url.pathname}`
}

/** The settings for the log. Of a text that may be secret it only says that it is set. */
export function describeConfig(config: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]: [string, unknown]) => {
      if (typeof value === 'string' && /url$/i.test(key)) return [key, placeOf(value)]
      if (typeof value === 'string' && !SHOWN.includes(key)) return [key, '***']
      const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value)
      if (isGroup) return [key, describeConfig(value)]
      return [key, Array.isArray(value) ? value.length : value]
    }),
  )
}
