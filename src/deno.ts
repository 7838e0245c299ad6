/** The service on Deno: `deno task serve`. */
import { parseDatabaseUrl } from './config/database_url.ts'
import { main, type Serve, serveOn } from './main.ts'

/**
 * Settles once the text is written. A write to process.stdout would settle earlier, and so hide a
 * reader that is stuck.
 */
const writerTo =
  ({ writable }: { writable: WritableStream<Uint8Array> }) => async (text: string) => {
    const writer = writable.getWriter()
    try {
      await writer.write(new TextEncoder().encode(text))
    } finally {
      writer.releaseLock()
    }
  }

/**
 * Deno asks for write permission to use a Unix socket. Without it, the first query would end the
 * process, so this checks at the start.
 */
function checkSockets(setting: string, databaseUrl: string): void {
  for (const { name } of parseDatabaseUrl(databaseUrl).hosts) {
    if (!name.startsWith('/')) continue
    const { state } = Deno.permissions.querySync({ name: 'write', path: name })
    if (state !== 'granted') {
      throw new Error(
        `${setting} leads to a socket in ${name}, for which Deno needs ` +
          `--allow-write=${name}`,
      )
    }
  }
}

/** Starts the service with a server of Deno. */
export const serve: Serve = async (config) => {
  if (config.databaseUrl) checkSockets('DATABASE_URL', config.databaseUrl)
  if (config.databaseReadUrl) checkSockets('DATABASE_READ_URL', config.databaseReadUrl)
  return await serveOn({
    name: `deno ${Deno.version.deno}`,
    write: writerTo(Deno.stdout),
    residentBytes: () => Deno.memoryUsage().rss,
  })(config)
}

if (import.meta.main) main(serve, writerTo(Deno.stderr))
