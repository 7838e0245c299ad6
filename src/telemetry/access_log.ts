/** The access log: one JSON line for each request, which never delays a request. */

import type { ObservedRequest } from './series.ts'

/** What is logged of a request. Nothing in it comes from its caller but the request id. */
export interface LoggedRequest extends ObservedRequest {
  requestId: string
  traceId: string
  /** The time of the response, in milliseconds since 1970. */
  time: number
  /** The name of the caller, if it is known. */
  caller?: string | undefined
}

export interface AccessLog {
  request(access: LoggedRequest): void
  /** Resolves once all lines are written. */
  flush(): Promise<void>
}

export interface AccessLogOptions {
  /** Writes a text, and resolves when it is written. Rejects if the reader is gone. */
  write: (text: string) => Promise<void>
  /** Lines that wait for a slow reader. More are dropped and counted. */
  maxWaiting?: number
}

const MAX_WAITING = 4096
/**
 * Milliseconds for which lines are gathered. A write in each turn of the event loop would cost 5 %
 * of a debit, and formatting one line alone costs several times more than formatting it among many.
 */
const GATHER_MS = 20

let lastMs = 0
let lastTime = ''

/** Formats a time. Many lines have the same millisecond, so the last one is kept. */
function timeOf(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms
    lastTime = new Date(ms).toISOString()
  }
  return lastTime
}

function lineOf(access: LoggedRequest): string {
  const { requestId, traceId, method, route, status, time, durationMs, caller } = access
  return `{"time":"${timeOf(time)}","request_id":${JSON.stringify(requestId)},` +
    `"trace_id":"${traceId}","method":"${method}","route":"${route}","status":${status},` +
    `"duration_ms":${Math.round(durationMs * 1000) / 1000}` +
    `${caller === undefined ? '' : `,"caller":${JSON.stringify(caller)}`}}\n`
}

/** Creates the log. Lines are written together, with one write in flight at most. */
export function createAccessLog({ write, maxWaiting = MAX_WAITING }: AccessLogOptions): AccessLog {
  let waiting: LoggedRequest[] = []
  let dropped = 0
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS))
      const lines = waiting.map(lineOf)
      waiting = []
      if (dropped > 0) lines.push(`${JSON.stringify({ time: timeOf(Date.now()), dropped })}\n`)
      dropped = 0
      // Without a reader the lines are lost; requests go on.
      await write(lines.join('')).catch(() => {})
    }
    writing = undefined
  }

  return {
    request(access) {
      if (waiting.length >= maxWaiting) dropped++
      else waiting.push(access)
      writing ??= writeAll()
    },
    async flush() {
      await writing
    },
  }
}
