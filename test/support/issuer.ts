/** Somebody who issues JWT: keys of its own, on show over HTTP, or not. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sign } from 'hono/jwt'

export const ISSUER = 'https://id.example/'
export const AUDIENCE = 'ledger'

interface Key {
  kid: string
  alg: 'ES256' | 'RS256' | 'EdDSA'
  private: CryptoKey
  public: JsonWebKey & { kid: string }
}

const ALGORITHMS = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
  RS256: {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
}

export async function makeKey(kid: string, alg: Key['alg'] = 'ES256'): Promise<Key> {
  const pair = await crypto.subtle.generateKey(ALGORITHMS[alg], true, [
    'sign',
    'verify',
  ]) as CryptoKeyPair
  const jwk = await crypto.subtle.exportKey('jwk', pair.publicKey)
  return { kid, alg, private: pair.privateKey, public: { ...jwk, kid, alg } }
}

/** Seconds since 1970, as claims have them. */
export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

/** What every JWT here says unless a test says something else; undefined leaves it out. */
export const claimsOf = (more: object): Record<string, unknown> => ({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'somebody',
  exp: inSeconds(600),
  users: '*',
  ...more,
})

const base64url = (value: string | Uint8Array) => Buffer.from(value).toString('base64url')

/** Signed whatever it says, with any header. */
export async function signed(
  key: Key,
  more: object = {},
  header: object = {},
): Promise<string> {
  const head = { alg: key.alg, kid: key.kid, typ: 'JWT', ...header }
  const text = [head, claimsOf(more)].map((part) => base64url(JSON.stringify(part))).join('.')
  const how = key.alg === 'ES256' ? { name: 'ECDSA', hash: 'SHA-256' } : ALGORITHMS[key.alg]
  const signature = await crypto.subtle.sign(how, key.private, Buffer.from(text))
  return `${text}.${base64url(new Uint8Array(signature))}`
}

/** Signed with a secret. */
export const signedWith = (secret: string, more: object = {}, alg: 'HS256' | 'HS512' = 'HS256') =>
  sign(claimsOf(more), secret, alg)

export interface Issuer {
  url: string
  /** What it shows; text is sent as it is. */
  keys: object[] | string
  /** Answers instead of showing its keys. */
  answer: ((response: ServerResponse) => void) | undefined
  /** How often it was asked. */
  asked: number
  close(): Promise<void>
}

export async function startIssuer(keys: Key[]): Promise<Issuer> {
  const server = createServer((_, response) => {
    issuer.asked++
    if (issuer.answer) return issuer.answer(response)
    const { keys } = issuer
    response.setHeader('Content-Type', 'application/json')
    response.end(typeof keys === 'string' ? keys : JSON.stringify({ keys }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    keys: keys.map((key) => key.public),
    answer: undefined,
    asked: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return issuer
}
