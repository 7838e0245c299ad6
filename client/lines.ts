/** Reads the lines of an answer while it arrives. */

/**
 * The lines of a stream, without their ends; what comes behind the last end isn't whole.
 * @param silenceMs how long nothing may come; left out: as long as it takes
 * @throws Error if the stream breaks off, or nothing comes for so long
 */
export async function* linesOf(
  stream: ReadableStream<Uint8Array>,
  end: string,
  silenceMs?: number,
): AsyncGenerator<string> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read(), silenceMs)
      if (done) return
      rest += decoder.decode(value, { stream: true })
      const lines = rest.split(end)
      rest = lines.pop()!
      yield* lines
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

async function inTime<T>(work: Promise<T>, limitMs: number | undefined): Promise<T> {
  if (limitMs === undefined) return await work
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('nothing came for too long')), limitMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
