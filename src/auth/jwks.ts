/** The public keys of an issuer (JWKS): fetched when they are needed, and kept for a while. */
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import { Problem } from '../core/errors.ts'

const FETCH_TIMEOUT_MS = 2_000
const MAX_BYTES = 256 * 1024
/** Keys that are older than this are fetched again, while requests go on with the old ones. */
const FRESH_MS = 5 * 60_000
/**
 * Keys that are older than this aren't used: an issuer that can't be reached for so long keeps its
 * callers out.
 */
const USABLE_MS = 60 * 60_000
/** The pause between two fetches because of unknown key ids, which anybody can send. */
const UNKNOWN_KEY_MS = 10_000
/** Between two fetches that fail. */
const RETRY_MS = 1_000

const keySet = z.object({
  keys: z.array(z.record(z.string(), z.unknown())).max(100),
})

/**
 * Finds the key of a JWT, by the name that its header has.
 * @throws Problem busy, if nobody can tell now
 * @throws JWKSNoMatchingKey if the issuer has none of that name, kind and algorithm
 */
export type Jwks = JWTVerifyGetKey

interface JwksOptions {
  url: string
  /** Called with the reason why a fetch failed. */
  onError?: (error: unknown) => void
}

/** Creates the keys of one issuer, by the URL of its JWKS. */
export function createJwks({ url, onError = () => {} }: JwksOptions): Jwks {
  let fetchedAt = -Infinity
  let failure: { problem: Problem; at: number } | undefined

  /** In place of fetch: within limits, and not again right after it failed. */
  async function fetchWithin(url: string, init: RequestInit): Promise<Response> {
    if (failure && Date.now() - failure.at < RETRY_MS) throw failure.problem
    const at = Date.now()
    try {
      const keys = await fetchKeys(url, init)
      failure = undefined
      fetchedAt = Date.now()
      return Response.json({ keys })
    } catch (error) {
      onError(error)
      failure = { problem: new Problem('busy', {}, { cause: error }), at }
      throw failure.problem
    }
  }

  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: UNKNOWN_KEY_MS,
    cacheMaxAge: USABLE_MS,
    [customFetch]: fetchWithin,
  })

  return async (header, token) => {
    // A failure is reported to onError. The request goes on with the keys that there are.
    if (keys.fresh && Date.now() - fetchedAt >= FRESH_MS) keys.reload().catch(() => {})
    return await keys(header, token)
  }
}

/**
 * Fetches the public keys for signatures. Redirects are refused: they could lead to somebody else's
 * keys.
 */
async function fetchKeys(url: string, init: RequestInit): Promise<object[]> {
  const response = await fetch(url, { ...init, redirect: 'error' })
  if (!response.ok || !response.body) {
    await response.body?.cancel()
    throw new Error(`the answer is ${response.status}`)
  }
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > MAX_BYTES) throw new Error('the answer is too long')
  }
  const { keys } = keySet.parse(JSON.parse(text))
  return keys.filter(({ kid, kty, use }) => kid && kty !== 'oct' && (use ?? 'sig') === 'sig')
}
