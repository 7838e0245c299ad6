/** Verifies JWT: signature, issuer, audience and expiry. */
import { decodeJwt, errors, jwtVerify } from 'jose'
import { z } from 'zod'
import type { Caller } from './caller.ts'
import { type Scope, SCOPES } from './scopes.ts'
import { Problem } from '../core/errors.ts'
import type { Jwks } from './jwks.ts'

export interface JwtOptions {
  /** A secret that is shared with the issuer, or what finds the issuer's keys. */
  key: { secret: string } | { jwks: Jwks }
  /** The only ones that are taken; all of them for that kind of key. */
  algorithms: string[]
  issuer: string
  audience: string
}

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

/** Verifies a JWT. */
export interface JwtVerifier {
  /** @throws Problem busy, if the keys of the issuer can't be had */
  (token: string): Promise<Verified>
  /**
   * The caller that it claims to be, whether or not the signature is valid; undefined if it names
   * none.
   */
  claimedName(token: string): string | undefined
}

/** RFC 9068 has a type of its own for access tokens. */
const TYPES: readonly unknown[] = [undefined, 'JWT', 'at+jwt']

/**
 * Creates a verifier.
 * @returns the caller and until when the JWT is valid, or why it is refused
 * @throws Problem busy, if the issuer's keys can't be fetched
 */
export function createJwtVerifier({ key, ...options }: JwtOptions): JwtVerifier {
  const getKey: Jwks = 'jwks' in key ? namedIn(key.jwks) : secretOf(key.secret)

  async function payloadOf(token: string): Promise<unknown> {
    // No limit on iat: clocks differ.
    const { payload, protectedHeader } = await jwtVerify(token, getKey, options)
    return TYPES.includes(protectedHeader.typ) ? payload : undefined
  }

  async function verifyJwt(token: string): Promise<Verified> {
    let payload: unknown
    try {
      payload = await payloadOf(token)
    } catch (error) {
      if (error instanceof Problem) throw error
      return error instanceof errors.JWTExpired ? 'expired' : 'invalid'
    }
    const parsed = claims.safeParse(payload)
    if (!parsed.success) return 'invalid'
    const { sub, exp, scope, users } = parsed.data
    // Scopes that only the issuer knows are ignored.
    const scopes = scope.split(' ').filter(isScope)
    return {
      // Only `"*"` means all users. An issuer that knows nothing of users must not open the ledger
      // to its callers.
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
    return claims.shape.sub.safeParse(decodeJwt(token).sub).data
  } catch {
    return undefined
  }
}

/** Without a name any key of the kind would do. */
const namedIn = (jwks: Jwks): Jwks => (header, token) => {
  if (typeof header.kid !== 'string') throw new errors.JWKSNoMatchingKey()
  return jwks(header, token)
}

function secretOf(text: string): Jwks {
  const secret = new TextEncoder().encode(text)
  return () => secret
}

const isScope = (value: string): value is Scope => (SCOPES as readonly string[]).includes(value)
