/** The file of bearer tokens while the service runs: whoever changes it needs no restart. */
import type { Caller } from './access.ts'
import { parseTokens } from './access_tokens.ts'
import type { Log } from './log.ts'

/** How long a token that was taken out may still work. */
const RECHECK_MS = 1000

export interface TokenFileParts {
  path: string
  /** The text of a file. */
  readText: (path: string) => string
  log: Pick<Log, 'info' | 'error'>
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

/** Callers by the SHA-256 of their tokens, in hexadecimal. */
export interface TokenFile {
  get(hash: string): Caller | undefined
}

/**
 * Reads the file now, and again when a token is looked for and it hasn't been read for a second.
 * While it is gone or bad, what it had before counts.
 * @throws Error with one line if it is not what it should be to begin with
 */
export function openTokenFile(
  { path, readText, log, now = () => performance.now() }: TokenFileParts,
): TokenFile {
  let text = textOf(path, readText)
  let callers = callersIn(text)
  let readAt_ms = now()
  /** What has been said of it, so that it isn't said every second. */
  let fault = ''

  function readAgain(): void {
    try {
      const found = textOf(path, readText)
      if (found !== text) {
        callers = callersIn(found)
        text = found
        log.info('the access tokens have changed', undefined, { tokens: callers.size })
      }
      fault = ''
    } catch (error) {
      const { message } = error as Error
      if (message !== fault) log.error('the access tokens stay as they were', message)
      fault = message
    }
  }

  return {
    get(hash) {
      const now_ms = now()
      if (now_ms - readAt_ms >= RECHECK_MS) {
        readAt_ms = now_ms
        readAgain()
      }
      return callers.get(hash)
    },
  }
}

function textOf(path: string, readText: (path: string) => string): string {
  try {
    return readText(path)
  } catch (error) {
    const { code, name } = error as { code?: string; name: string }
    throw new Error(`ACCESS_TOKENS_FILE can't be read (${code ?? name})`, { cause: error })
  }
}

function callersIn(text: string): Map<string, Caller> {
  try {
    return parseTokens(text)
  } catch (error) {
    throw new Error(`ACCESS_TOKENS_FILE ${(error as Error).message}`, { cause: error })
  }
}
