/** Waits for work, but not for ever. */

/**
 * @param limitMs milliseconds after which the work isn't waited for any more; it goes on
 * @returns what the work resolves to, or `late` if that takes longer
 * @throws whatever the work rejects with in time
 */
export async function timeLimited<T>(limitMs: number, work: Promise<T>, late: T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const limit = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late), limitMs)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
