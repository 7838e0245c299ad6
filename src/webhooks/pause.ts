/** A wait that a signal can end. */

/** Resolves after that time, or as soon as the signal aborts. */
export const pause = (ms: number, cut: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer)
      cut.removeEventListener('abort', over)
      resolve()
    }
    const timer = setTimeout(over, ms)
    cut.addEventListener('abort', over)
    if (cut.aborted) over()
  })
