/** Reads a file of settings again while the service runs, so that changing it needs no restart. */
import { unref } from './unref.ts'

/** How long what was removed from the file may still count. */
const RECHECK_MS = 1000
/** A read that takes longer than this counts as failed. */
const READ_MS = 5000

export interface RereadFileParts<T> {
  path: string
  /** The setting that names the file, for messages. */
  setting: string
  /** What is in the file, for the log. */
  what: string
  /** @throws Error with a message to be put behind the setting, without anything secret */
  parse: (text: string) => T
  /** Called with what is in the file when it has changed. */
  changed: (value: T) => void
  /** Reads a file without blocking. Rejects for anything but a regular file, such as a pipe. */
  readText: (path: string) => Promise<string>
  log: { error: (what: string, why: string) => void }
  /** How often the file is read. Default: every second. */
  recheckMs?: number
  readMs?: number
}

export interface RereadFile<T> {
  current(): T
  /** Stops reading the file. */
  stop: () => void
}

/**
 * Reads the file now, and again every second, so that nothing waits for a disk. While the file is
 * missing or invalid, its last valid version stays in force.
 * @throws Error with one line if the file is missing or invalid at the start
 */
export async function openRereadFile<T>(parts: RereadFileParts<T>): Promise<RereadFile<T>> {
  const { path, setting, what, changed, readText, log } = parts
  const { recheckMs = RECHECK_MS, readMs = READ_MS } = parts
  let text = await textOf(path, setting, readText, readMs)
  let value = parsed(text)
  /** The fault that was logged last, so that it isn't logged every second. */
  let fault = ''
  let reading: Promise<string> | undefined
  let isStopped = false

  function parsed(content: string): T {
    try {
      return parts.parse(content)
    } catch (error) {
      throw new Error(`${setting} ${(error as Error).message}`, { cause: error })
    }
  }

  /** One read at a time, even if one takes longer than READ_MS. */
  const read = (path: string) => reading ??= readText(path).finally(() => reading = undefined)

  async function readAgain(): Promise<void> {
    try {
      const found = await textOf(path, setting, read, readMs)
      if (isStopped) return
      if (found !== text) {
        value = parsed(found)
        text = found
        changed(value)
      }
      fault = ''
    } catch (error) {
      const { message } = error as Error
      if (message !== fault && !isStopped) log.error(`${what} stay as they were`, message)
      fault = message
    }
    next()
  }

  let timer: ReturnType<typeof setTimeout> | undefined
  function next(): void {
    if (!isStopped) timer = unref(setTimeout(() => void readAgain(), recheckMs))
  }
  next()

  return {
    current: () => value,
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

async function textOf(
  path: string,
  setting: string,
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
    throw new Error(`${setting} can't be read (${code ?? name})`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
