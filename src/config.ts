/** Settings from the environment; `.env.example` lists the same keys in the same order. */
import { z } from 'zod'

const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `must be a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`,
  })

const integer = (min: number, max: number) =>
  z.string().regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`).transform(Number)
    .refine((n) => n >= min && n <= max, `must be a whole number from ${min} to ${max}`)

const settings = z.object({
  PORT: integer(0, 65535).default(3000),
  HOST: z.string().regex(/^[\w.:-]+$/, 'must be a host name or an address').default('127.0.0.1'),
  DATABASE_URL: url('postgres:', 'postgresql:').optional(),
  UPSTASH_REDIS_REST_URL: url('http:', 'https:').optional(),
  UPSTASH_REDIS_REST_TOKEN: z.string().regex(/^[!-~]+$/, 'must be visible ASCII').optional(),
  SNAPSHOT_TTL_SECONDS: integer(1, 86_400).default(60),
  DATA_DIR: z.string().default('.data'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
}).refine((s) => !s.UPSTASH_REDIS_REST_URL === !s.UPSTASH_REDIS_REST_TOKEN, {
  path: ['UPSTASH_REDIS_REST_TOKEN'],
  message: 'must be set together with UPSTASH_REDIS_REST_URL',
})

export interface Config {
  port: number
  host: string
  databaseUrl?: string
  redis?: { url: string; token: string }
  snapshotTtlSeconds: number
  dataDir: string
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/**
 * Reads the settings. An empty value counts as unset.
 * @throws Error with one line that names the first bad setting, never its value
 */
export function loadConfig(env: Record<string, string | undefined>): Config {
  const present = Object.fromEntries(
    Object.keys(settings.shape).flatMap((key) => env[key] ? [[key, env[key]]] : []),
  )
  const parsed = settings.safeParse(present)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new Error(`${issue.path.join('.')} ${issue.message}`)
  }
  const s = parsed.data
  return {
    port: s.PORT,
    host: s.HOST,
    ...(s.DATABASE_URL && { databaseUrl: s.DATABASE_URL }),
    ...(s.UPSTASH_REDIS_REST_URL && s.UPSTASH_REDIS_REST_TOKEN && {
      redis: { url: s.UPSTASH_REDIS_REST_URL, token: s.UPSTASH_REDIS_REST_TOKEN },
    }),
    snapshotTtlSeconds: s.SNAPSHOT_TTL_SECONDS,
    dataDir: s.DATA_DIR,
    logLevel: s.LOG_LEVEL,
  }
}
