/** The service on Deno: `deno task serve`. */
import { parseDatabaseUrl } from './config/database_url.ts'
import { main, type Serve, serveOn } from './main.ts'

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

/** To Deno, using a socket is writing to a file; without leave the first query would end everything. */
function checkSockets(databaseUrl: string): void {
  for (const { name } of parseDatabaseUrl(databaseUrl).hosts) {
    if (!name.startsWith('/')) continue
    const { state } = Deno.permissions.querySync({ name: 'write', path: name })
    if (state !== 'granted') {
      throw new Error(
        `DATABASE_URL leads to a socket in ${name}, for which Deno needs ` +
          `--allow-write=${name}`,
      )
    }
  }
}

export const serve: Serve = async (config) => {
  if (config.databaseUrl) checkSockets(config.databaseUrl)
  return await serveOn({
    write: writerTo(Deno.stdout),
    residentBytes: () => Deno.memoryUsage().rss,
  })(config)
}

if (import.meta.main) main(serve, writerTo(Deno.stderr))
