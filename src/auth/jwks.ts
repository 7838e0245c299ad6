/** The keys that an issuer signs with: fetched when they are needed, and kept for a while. */
import type { HonoJsonWebKey } from 'hono/utils/jwt/jws'
import { z } from 'zod'
import { Problem } from '../core/errors.ts'

const FETCH_TIMEOUT_MS = 2_000
const MAX_BYTES = 256 * 1024
/** Older keys are fetched again, while requests go on with them. */
const FRESH_MS = 5 * 60_000
/** An issuer that is out of reach for longer than this keeps its callers out. */
const USABLE_MS = 60 * 60_000
/** Between two fetches for keys that nobody knows, which anyone can ask for. */
const UNKNOWN_KEY_MS = 10_000
const RETRY_MS = 1_000

const set = z.object({
  keys: z.array(z.record(z.string(), z.unknown())).max(100),
})

export interface Jwks {
  /**
   * All keys; the one with this id is among them if the issuer has it.
   * @throws Problem busy, if nobody can tell now
   */
  keysFor(id: string): Promise<HonoJsonWebKey[]>
}

interface JwksOptions {
  url: string
  /** Told why a fetch failed. */
  onError?: (error: unknown) => void
  now?: () => number
}

export function createJwks(
  { url, onError = () => {}, now = () => performance.now() }: JwksOptions,
): Jwks {
  let keys: HonoJsonWebKey[] = []
  let fetchedAt = -Infinity
  let triedAt = -Infinity
  let failed = false
  let fetching: Promise<void> | undefined

  const refresh = () =>
    fetching ??= (async () => {
      triedAt = now()
      failed = false
      try {
        keys = await fetchKeys(url)
        fetchedAt = now()
      } catch (error) {
        failed = true
        onError(error)
        throw new Problem('busy', {}, { cause: error })
      } finally {
        fetching = undefined
      }
    })()

  return {
    async keysFor(id) {
      const age_ms = now() - fetchedAt
      const isKnown = age_ms < USABLE_MS && keys.some(({ kid }) => kid === id)
      const pause_ms = age_ms >= USABLE_MS || failed ? RETRY_MS : UNKNOWN_KEY_MS
      const mayFetch = fetching !== undefined || now() - triedAt >= pause_ms
      if (isKnown) {
        // Whoever needs the new ones hears of a failure; nobody does now.
        if (age_ms >= FRESH_MS && mayFetch) refresh().catch(() => {})
      } else if (mayFetch) await refresh()
      else if (failed) throw new Problem('busy')
      return keys
    },
  }
}

/** The public keys for signatures; a redirect would lead to keys of somebody else. */
async function fetchKeys(url: string): Promise<HonoJsonWebKey[]> {
  const response = await fetch(url, {
    redirect: 'error',
    headers: { Accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  })
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
  const { keys } = set.parse(JSON.parse(text)) as { keys: HonoJsonWebKey[] }
  return keys.filter(({ kid, kty, use }) => kid && kty !== 'oct' && (use ?? 'sig') === 'sig')
}
