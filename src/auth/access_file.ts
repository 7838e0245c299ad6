/** The file of bearer tokens while the service runs: whoever changes it needs no restart. */
import type { Caller } from './caller.ts'
import { parseTokens } from './access_tokens.ts'
import type { Log } from '../telemetry/log.ts'

/** How long a token that was taken out may still work. */
const RECHECK_MS = 1000
/** A disk that takes longer than this is a fault. */
const READ_MS = 5000

export interface TokenFileParts {
  path: string
  /** The text of a file; rejects for what is none, such as a pipe. */
  readText: (path: string) => Promise<string>
  log: Pick<Log, 'info' | 'error'>
  /** Left out: as often as a token that was taken out may still work. */
  recheckMs?: number
  readMs?: number
}

/** Callers by the SHA-256 of their tokens, in hexadecimal. */
export interface TokenFile {
  get(hash: string): Caller | undefined
  /** Reads it no more. */
  stop(): void
}

/**
 * Reads the file now, and again every second: no request ever waits for a disk, and the first one
 * after a quiet hour sees what is there now. While it is gone or bad, what it had before counts.
 * @throws Error with one line if it is not what it should be to begin with
 */
export async function openTokenFile(parts: TokenFileParts): Promise<TokenFile> {
  const { path, readText, log, recheckMs = RECHECK_MS, readMs = READ_MS } = parts
  let text = await textOf(path, readText, readMs)
  let callers = callersIn(text)
  /** What has been said of it, so that it isn't said every second. */
  let fault = ''
  let reading: Promise<string> | undefined
  let isStopped = false

  /** One at a time, also where one takes longer than anybody waits for it. */
  const read = (path: string) => reading ??= readText(path).finally(() => reading = undefined)

  async function readAgain(): Promise<void> {
    try {
      const found = await textOf(path, read, readMs)
      if (isStopped) return
      if (found !== text) {
        callers = callersIn(found)
        text = found
        log.info('the access tokens have changed', undefined, { tokens: callers.size })
      }
      fault = ''
    } catch (error) {
      const { message } = error as Error
      if (message !== fault && !isStopped) log.error('the access tokens stay as they were', message)
      fault = message
    }
    next()
  }

  let timer: ReturnType<typeof setTimeout> | undefined
  function next(): void {
    if (!isStopped) timer = setTimeout(() => void readAgain(), recheckMs).unref()
  }
  next()

  return {
    get: (hash) => callers.get(hash),
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

async function textOf(
  path: string,
  readText: (path: string) => Promise<string>,
  limitMs: number,
): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })),
      limitMs,
    )
  })
  try {
    return await Promise.race([readText(path), late])
  } catch (error) {
    const { code, name } = error as { code?: string; name: string }
    throw new Error(`ACCESS_TOKENS_FILE can't be read (${code ?? name})`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

function callersIn(text: string): Map<string, Caller> {
  try {
    return parseTokens(text)
  } catch (error) {
    throw new Error(`ACCESS_TOKENS_FILE ${(error as Error).message}`, { cause: error })
  }
}
