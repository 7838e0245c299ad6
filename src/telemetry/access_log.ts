/** One JSON line a request: cheap enough to stay on, and never in the way of a request. */

import type { ObservedRequest } from './series.ts'

/** What may be told of a request; nothing that its caller wrote but the request id. */
export interface Access extends ObservedRequest {
  requestId: string
  traceId: string
  /** When it was answered, in milliseconds since 1970. */
  time: number
  /** The name of who asked, where that is known. */
  caller?: string | undefined
}

export interface AccessLog {
  request(access: Access): void
  /** Settles once all lines are written. */
  flush(): Promise<void>
}

export interface AccessLogOptions {
  /** Settles when the text is written; a reader that is gone may reject. */
  write: (text: string) => Promise<void>
  /** How many lines wait for a reader that is slow; more are dropped, and counted. */
  maxWaiting?: number
}

const MAX_WAITING = 4096
/**
 * How long they are gathered: a write for each turn of the event loop would cost 5 % of a debit, and
 * a line made in the midst of a request takes several times what one among many takes.
 */
const GATHER_MS = 20

let lastMs = 0
let lastTime = ''

/** Many lines have the same millisecond. */
function timeOf(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms
    lastTime = new Date(ms).toISOString()
  }
  return lastTime
}

function lineOf(access: Access): string {
  const { requestId, traceId, method, route, status, time, durationMs, caller } = access
  return `{"time":"${timeOf(time)}","request_id":${JSON.stringify(requestId)},` +
    `"trace_id":"${traceId}","method":"${method}","route":"${route}","status":${status},` +
    `"duration_ms":${Math.round(durationMs * 1000) / 1000}` +
    `${caller === undefined ? '' : `,"caller":${JSON.stringify(caller)}`}}\n`
}

/** Lines are written together, and one write is in flight at most. */
export function createAccessLog({ write, maxWaiting = MAX_WAITING }: AccessLogOptions): AccessLog {
  let waiting: Access[] = []
  let dropped = 0
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS))
      const lines = waiting.map(lineOf)
      waiting = []
      if (dropped > 0) lines.push(`${JSON.stringify({ time: timeOf(Date.now()), dropped })}\n`)
      dropped = 0
      // Who doesn't read the log doesn't get it; requests go on.
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
