/** Time that passes while others work. */
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms))

/** Asks until it is so. @returns false when the time is over */
export async function until(
  limit_ms: number,
  isSo: () => boolean | Promise<boolean>,
): Promise<boolean> {
  const end = performance.now() + limit_ms
  while (!await isSo()) {
    if (performance.now() > end) return false
    await pause(10)
  }
  return true
}
