/** Standard error of a service: whoever doesn't read it holds up nobody. */

/** Lines that wait for a reader that is slow; more are dropped, and counted. */
const MAX_WAITING = 1024
/** For whoever reads it, when the process ends. */
const FLUSH_MS = 500

export interface ErrorOutput {
  /** As console.error; what is no text as it prints. */
  line: (...words: unknown[]) => void
  /** Settles once all lines are written, or nobody has read them for half a second. */
  flush(): Promise<void>
}

export interface ErrorOutputOptions {
  /** Settles when the text is written; a reader that is gone may reject. */
  write: (text: string) => Promise<void>
  /** Words as a line without its end. */
  format: (...words: unknown[]) => string
  maxWaiting?: number
}

/**
 * Takes the place of console.error, which on Deno waits in the midst of everything until a pipe has
 * room, and on Node keeps all that ever waits. One write is in flight at most.
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
