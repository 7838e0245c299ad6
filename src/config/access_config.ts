/** Settings of access. Without any of them access is off: anyone may do anything. */
import { z } from 'zod'

const ASYMMETRIC: readonly string[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]

/** The HMAC algorithms, with the length in bytes that their secret needs (RFC 7518, 3.2). */
const SYMMETRIC: Record<string, number> = {
  HS256: 32,
  HS384: 48,
  HS512: 64,
}

/** Whether only this machine can connect to this address. */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/.test(host)

/**
 * Whether nobody on the way to this URL can read or change anything: over https, or on this
 * machine. Whoever could change an issuer's keys could sign anything.
 */
export const isSafeUrl = (text: string): boolean => {
  const { protocol, hostname, username, password } = URL.canParse(text)
    ? new URL(text)
    : {} as Partial<URL>
  if (username || password) return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname!))
}

const visible = z.string().regex(/^[!-~]+$/, 'must be visible ASCII')

export const ACCESS_SETTINGS = {
  ACCESS: z.enum(['on', 'off']).optional(),
  ACCESS_TOKENS_FILE: z.string().optional(),
  ACCESS_FAILURES_PER_MINUTE: z.string().regex(/^\d{1,6}$/, 'must be a whole number')
    .transform(Number).refine((n) => n >= 1, 'must be a whole number from 1 to 999999')
    .default(300),
  JWT_JWKS_URL: z.string().refine(isSafeUrl, 'must be an https:// URL without a password')
    .optional(),
  JWT_SECRET: visible.optional(),
  JWT_ALGORITHMS: z.string().regex(/^\w+(,\w+)*$/, 'must be algorithms with commas between them')
    .transform((text) => text.split(',')).optional(),
  JWT_ISSUER: visible.optional(),
  JWT_AUDIENCE: visible.optional(),
}

const JWT_KEYS = [
  'JWT_JWKS_URL',
  'JWT_SECRET',
  'JWT_ALGORITHMS',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
] as const

/**
 * Settings that may not be empty: somebody who sets one means to close the service, and empty would
 * leave it open.
 */
export const NEVER_EMPTY: readonly string[] = ['ACCESS', 'ACCESS_TOKENS_FILE', ...JWT_KEYS]

type Settings = z.infer<z.ZodObject<typeof ACCESS_SETTINGS>>

/** Has either `secret` or `jwksUrl`; all `algorithms` fit the one that it has. */
export interface JwtConfig {
  secret?: string
  jwksUrl?: string
  algorithms: string[]
  issuer: string
  audience: string
}

export interface AccessConfig {
  accessTokensFile?: string
  accessFailuresPerMinute: number
  jwt?: JwtConfig
}

type Fault<Key> = [Key, string] | undefined

/**
 * Checks the settings together.
 * @returns the setting that is wrong, and what it must be; undefined if all are fine
 */
export function accessFault(s: Settings, host: string): Fault<keyof Settings | 'HOST'> {
  const isOn = s.ACCESS_TOKENS_FILE !== undefined || JWT_KEYS.some((key) => s[key] !== undefined)
  if (s.ACCESS === 'off' && isOn) {
    return ['ACCESS', 'must not be off while ACCESS_TOKENS_FILE or JWT_* are set']
  }
  if (s.ACCESS === 'on' && !isOn) return ['ACCESS', 'needs ACCESS_TOKENS_FILE or JWT_*']
  if (!isOn && s.ACCESS === undefined && !isLoopback(host)) {
    return ['HOST', 'is open to others: set ACCESS_TOKENS_FILE or JWT_*, or ACCESS=off for anybody']
  }
  return jwtFault(s)
}

function jwtFault(s: Settings): Fault<keyof Settings> {
  if (JWT_KEYS.every((key) => s[key] === undefined)) return undefined
  const { JWT_JWKS_URL: url, JWT_SECRET: secret } = s
  if (!url && !secret) return ['JWT_JWKS_URL', 'or JWT_SECRET must be set, as others for JWT are']
  if (url && secret) return ['JWT_SECRET', 'must not be set together with JWT_JWKS_URL']
  for (const key of ['JWT_ALGORITHMS', 'JWT_ISSUER', 'JWT_AUDIENCE'] as const) {
    if (!s[key]) return [key, `must be set together with ${url ? 'JWT_JWKS_URL' : 'JWT_SECRET'}`]
  }
  const allowed = url ? ASYMMETRIC : Object.keys(SYMMETRIC)
  if (!s.JWT_ALGORITHMS!.every((one) => allowed.includes(one))) {
    return ['JWT_ALGORITHMS', `must be among ${allowed.join(' ')}`]
  }
  const min = Math.max(...s.JWT_ALGORITHMS!.map((one) => SYMMETRIC[one] ?? 0))
  if (secret && secret.length < min) {
    return ['JWT_SECRET', `must have at least ${min} characters for these JWT_ALGORITHMS`]
  }
  return undefined
}

/** The configuration of access. */
export function accessConfig(s: Settings): AccessConfig {
  return {
    ...(s.ACCESS_TOKENS_FILE && { accessTokensFile: s.ACCESS_TOKENS_FILE }),
    accessFailuresPerMinute: s.ACCESS_FAILURES_PER_MINUTE,
    ...(s.JWT_ALGORITHMS && s.JWT_ISSUER && s.JWT_AUDIENCE && {
      jwt: {
        ...(s.JWT_SECRET && { secret: s.JWT_SECRET }),
        ...(s.JWT_JWKS_URL && { jwksUrl: s.JWT_JWKS_URL }),
        algorithms: s.JWT_ALGORITHMS,
        issuer: s.JWT_ISSUER,
        audience: s.JWT_AUDIENCE,
      },
    }),
  }
}
