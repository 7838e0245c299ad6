/** The ids of a request: its trace (W3C Trace Context) and its request id. */

const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/
const REQUEST_ID = /^[!-~]{1,128}$/
/** The flags that the specification defines: sampled, random. */
const KNOWN_FLAGS = 0x03
const SAMPLED = 0x01
const POOL_BYTES = 4096
const DIGITS = new TextEncoder().encode('0123456789abcdef')

export interface Trace {
  traceId: string
  /** Whether its caller keeps it. */
  isSampled: boolean
  /** Of this request, as its child would name it. */
  traceparent: string
  requestId: string
}

/** Creates a generator of random hexadecimal digits. Random bytes are cheap by the thousand. */
function createRandomHex() {
  const bytes = new Uint8Array(POOL_BYTES)
  const text = new Uint8Array(2 * POOL_BYTES)
  const ascii = new TextDecoder()
  let pool = ''
  let used = 0
  return (digits: number): string => {
    if (used + digits > pool.length) {
      crypto.getRandomValues(bytes)
      for (let at = 0; at < POOL_BYTES; at++) {
        text[2 * at] = DIGITS[bytes[at]! >> 4]!
        text[2 * at + 1] = DIGITS[bytes[at]! & 15]!
      }
      pool = ascii.decode(text)
      used = 0
    }
    used += digits
    return pool.slice(used - digits, used)
  }
}

const randomHex = createRandomHex()

/**
 * Parses traceparent. Of a future version, what follows the known fields is ignored; version ff is
 * invalid.
 */
function parsed(header: string | null): { traceId: string; flags: number } | undefined {
  const [, version, traceId, parentId, flags, rest] = TRACEPARENT.exec(header ?? '') ?? []
  if (!traceId || version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId!)) return undefined
  return { traceId, flags: parseInt(flags!, 16) & KNOWN_FLAGS }
}

/**
 * Continues the caller's trace and request id. A missing or malformed one begins anew. A request
 * that begins a trace has the trace's id as its request id.
 */
export function traceOf(headers: Headers): Trace {
  const parent = parsed(headers.get('traceparent'))
  const traceId = parent?.traceId ?? randomHex(32)
  const given = headers.get('x-request-id')
  return {
    traceId,
    isSampled: ((parent?.flags ?? 0) & SAMPLED) !== 0,
    traceparent: `00-${traceId}-${randomHex(16)}-0${parent?.flags ?? 0}`,
    requestId: given !== null && REQUEST_ID.test(given) ? given : parent ? randomHex(32) : traceId,
  }
}
