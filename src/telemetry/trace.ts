/** The ids of a request: its trace (W3C Trace Context) and its request id. */
import { createTraceState, type SpanContext } from '@opentelemetry/api'

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
 * The caller's span, by traceparent and tracestate; undefined if it sent none, or a malformed one.
 * Of a future version, what follows the known fields is ignored; version ff is invalid.
 */
export function parentOf(headers: Headers): SpanContext | undefined {
  const [, version, traceId, spanId, flags, rest] =
    TRACEPARENT.exec(headers.get('traceparent') ?? '') ?? []
  if (!traceId || version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId!)) return undefined
  const state = headers.get('tracestate')
  return {
    traceId,
    spanId: spanId!,
    traceFlags: parseInt(flags!, 16) & KNOWN_FLAGS,
    isRemote: true,
    ...(state && { traceState: createTraceState(state) }),
  }
}

/**
 * Continues the caller's trace and request id. A missing or malformed one begins anew. A request
 * that begins a trace has the trace's id as its request id.
 * @param own the span of the request, if there is one
 */
export function traceOf(headers: Headers, parent = parentOf(headers), own?: SpanContext): Trace {
  const traceId = own?.traceId ?? parent?.traceId ?? randomHex(32)
  const flags = own?.traceFlags ?? parent?.traceFlags ?? 0
  const given = headers.get('x-request-id')
  return {
    traceId,
    isSampled: (flags & SAMPLED) !== 0,
    traceparent: `00-${traceId}-${own?.spanId ?? randomHex(16)}-0${flags}`,
    requestId: given !== null && REQUEST_ID.test(given) ? given : parent ? randomHex(32) : traceId,
  }
}
