/** The service on Deno: `deno task serve`. */
import { main, serveOn } from './entry.ts'

/** Settles when it is written; a write to process.stdout would before, and hide a stuck reader. */
async function write(text: string): Promise<void> {
  const writer = Deno.stdout.writable.getWriter()
  try {
    await writer.write(new TextEncoder().encode(text))
  } finally {
    writer.releaseLock()
  }
}

export const serve = serveOn({ write, residentBytes: () => Deno.memoryUsage().rss })

if (import.meta.main) main(serve)
