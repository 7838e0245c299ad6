/** The service on Deno: `deno task serve`. */
import { main, serveOn } from './main.ts'

/** Settles when it is written; a write to process.stdout would before, and hide a stuck reader. */
const writerTo =
  ({ writable }: { writable: WritableStream<Uint8Array> }) => async (text: string) => {
    const writer = writable.getWriter()
    try {
      await writer.write(new TextEncoder().encode(text))
    } finally {
      writer.releaseLock()
    }
  }

export const serve = serveOn({
  write: writerTo(Deno.stdout),
  residentBytes: () => Deno.memoryUsage().rss,
})

if (import.meta.main) main(serve, writerTo(Deno.stderr))
