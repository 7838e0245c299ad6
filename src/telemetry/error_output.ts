/** Writes to standard error without ever waiting for its reader. */

/** Lines that wait for a slow reader. More are dropped and counted. */
const MAX_WAITING = 1024
/** Milliseconds that the end of the process waits for the reader. */
const FLUSH_MS = 500

export interface ErrorOutput {
  /** Writes a line, formatted as by console.error. */
  line: (...words: unknown[]) => void
  /** Resolves once all lines are written, or nobody has read them for half a second. */
  flush(): Promise<void>
}

export interface ErrorOutputOptions {
  /** Writes a text, and resolves when it is written. Rejects if the reader is gone. */
  write: (text: string) => Promise<void>
  /** Formats words as a line, without its end. */
  format: (...words: unknown[]) => string
  maxWaiting?: number
}

/**
 * Creates a replacement of console.error. That of Deno blocks the process until a pipe has room,
 * that of Node keeps everything that waits in memory. One write is in flight at most.
 */
export function createErrorOutput(
  { write, format, maxWaiting = MAX_WAITING }: ErrorOutputOptions,
): ErrorOutput {
  let waiting: string[] = []
  let dropped = 0
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const lines = waiting
      waiting = []
      if (dropped > 0) {
        const event = { time: new Date().toISOString(), level: 'warn', what: 'lines dropped' }
        lines.push(JSON.stringify({ ...event, dropped }))
      }
      dropped = 0
      await write(`${lines.join('\n')}\n`).catch(() => {})
    }
    writing = undefined
  }

  return {
    line(...words) {
      if (waiting.length >= maxWaiting) dropped++
      else waiting.push(format(...words))
      writing ??= writeAll()
    },
    async flush() {
      let timer: ReturnType<typeof setTimeout> | undefined
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, FLUSH_MS))
      await Promise.race([writing, late])
      clearTimeout(timer)
    },
  }
}
