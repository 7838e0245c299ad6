/** Callers who come with a JWT: whose signature holds, from whom, for whom, until when. */
import { decode, verify, verifyWithJwks } from 'hono/jwt'
import type {
  AsymmetricAlgorithm,
  SignatureAlgorithm,
  SymmetricAlgorithm,
} from 'hono/utils/jwt/jwa'
import { z } from 'zod'
import { type Caller } from './caller.ts'
import { type Scope, SCOPES } from './scopes.ts'
import { Problem } from '../core/errors.ts'
import type { Jwks } from './jwks.ts'

export type JwtKeys =
  | { secret: string; algorithms: SymmetricAlgorithm[] }
  | { jwks: Jwks; algorithms: AsymmetricAlgorithm[] }

export type JwtOptions = JwtKeys & { issuer: string; audience: string }

/** Why a JWT is not taken. */
export type JwtRefusal = 'expired' | 'invalid'

export type Verified = { caller: Caller; expiresAt_ms: number } | JwtRefusal

const userId = z.int().min(1)

const claims = z.object({
  sub: z.string().min(1).max(255),
  exp: z.number(),
  scope: z.string().default(''),
  users: z.union([z.literal('*'), z.array(userId)]).default([]),
})

/** Checks a JWT. */
export interface JwtVerifier {
  /** @throws Problem busy, if the keys of the issuer can't be had */
  (token: string): Promise<Verified>
  /** Whose it says it is, signed or not; undefined if it doesn't say. */
  claimedName(token: string): string | undefined
}

/**
 * Makes what checks a JWT.
 * @returns its caller and until when it counts, or why it doesn't
 * @throws Problem busy, if the keys of the issuer can't be had
 */
export function createJwtVerifier(options: JwtOptions): JwtVerifier {
  const { issuer, audience } = options

  async function payloadOf(token: string): Promise<unknown> {
    const { header } = decode(token)
    const verification = {
      iss: issuer,
      aud: audience,
      // Clocks differ, and this claim is not a limit.
      iat: false,
      // RFC 9068 has a type of its own for access tokens.
      ...(header.typ !== undefined && { typ: ['JWT', 'at+jwt'] }),
    }
    if ('jwks' in options) {
      if (!isIn(options.algorithms, header.alg)) return undefined
      return await verifyWithJwks(token, {
        keys: await options.jwks.keysFor(String(header.kid)),
        allowedAlgorithms: options.algorithms,
        verification,
      })
    }
    const alg = options.algorithms.find((one) => one === header.alg)
    return alg && await verify(token, options.secret, { ...verification, alg })
  }

  async function verifyJwt(token: string): Promise<Verified> {
    let payload: unknown
    try {
      payload = await payloadOf(token)
    } catch (error) {
      if (error instanceof Problem) throw error
      return (error as Error).name === 'JwtTokenExpired' ? 'expired' : 'invalid'
    }
    const parsed = claims.safeParse(payload)
    if (!parsed.success) return 'invalid'
    const { sub, exp, scope, users } = parsed.data
    // Issuers have scopes of their own; those mean nothing here.
    const scopes = scope.split(' ').filter((one): one is Scope => isIn(SCOPES, one))
    return {
      // Only who says so reaches everybody: an issuer that knows nothing of users means nobody.
      caller: {
        name: sub,
        scopes: new Set(scopes),
        ...(users !== '*' && { users: new Set(users) }),
      },
      expiresAt_ms: exp * 1000,
    }
  }

  return Object.assign(verifyJwt, { claimedName })
}

function claimedName(token: string): string | undefined {
  try {
    return claims.shape.sub.safeParse(decode(token).payload.sub).data
  } catch {
    return undefined
  }
}

const isIn = (list: readonly (SignatureAlgorithm | Scope)[], value: string): boolean =>
  (list as readonly string[]).includes(value)
