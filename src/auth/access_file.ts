/**
 * Reads the file of bearer tokens again while the service runs, so that changing it needs no
 * restart.
 */
import type { Caller } from './caller.ts'
import { parseTokens } from './access_tokens.ts'
import type { Log } from '../telemetry/log.ts'

/** How long a token that was removed from the file may still work. */
const RECHECK_MS = 1000
/** A read that takes longer than this counts as failed. */
const READ_MS = 5000

export interface TokenFileParts {
  path: string
  /** Reads a file without blocking. Rejects for anything but a regular file, such as a pipe. */
  readText: (path: string) => Promise<string>
  log: Pick<Log, 'info' | 'error'>
  /** How often the file is read. Default: every second. */
  recheckMs?: number
  readMs?: number
}

/** Callers by the SHA-256 of their tokens, in hexadecimal. */
export interface TokenFile {
  get(hash: string): Caller | undefined
  /** Stops reading the file. */
  stop(): void
}

/**
 * Reads the file now, and again every second, so that no request waits for a disk. While the file
 * is missing or invalid, its last valid version stays in force.
 * @throws Error with one line if the file is missing or invalid at the start
 */
export async function openTokenFile(parts: TokenFileParts): Promise<TokenFile> {
  const { path, readText, log, recheckMs = RECHECK_MS, readMs = READ_MS } = parts
  let text = await textOf(path, readText, readMs)
  let callers = callersIn(text)
  /** The fault that was logged last, so that it isn't logged every second. */
  let fault = ''
  let reading: Promise<string> | undefined
  let isStopped = false

  /** One read at a time, even if one takes longer than READ_MS. */
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
