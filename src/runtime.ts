/** What the service needs from its runtime, which node.ts and deno.ts give it. */
import type { createApp } from './app/app.ts'
import type { ConsoleDependencies } from './app/console.ts'
import type { DocsFile } from './app/docs.ts'
import type { PoolSizes } from './pools.ts'
import type { Listen } from './server/servers.ts'

/** What depends on the runtime, and so comes from node.ts or deno.ts. */
export interface Runtime {
  /** Its name and version, such as `node 20.20.2`. */
  name: string
  listen: Listen
  /** Writes to standard output; settles when that has taken all of it. */
  write: (text: string) => Promise<void>
  /** Reads a regular file, blocking: only for the start. */
  readText: (path: string) => string
  /** Reads a file without blocking. Rejects for anything but a regular file, such as a pipe. */
  readFile: (path: string) => Promise<string>
  /** Reads a file of the page at /docs; left out: it has none. */
  readDocsFile?: (name: DocsFile) => Promise<Uint8Array<ArrayBuffer>>
  /** Reads a file of the page at /console; left out: it has none. */
  readConsoleFile?: ConsoleDependencies['readConsoleFile']
  /** SHA-256 in hexadecimal. */
  sha256: (text: string) => string
  /** The resident memory in bytes, on a runtime where prom-client can't read /proc. */
  residentBytes?: () => number
  /** False where there is no process to be measured. */
  hasProcess?: boolean
  /** Connections for each kind of work. Default: POOL_SIZES. */
  pools?: PoolSizes
  /** Replaces the app, for benchmarks. Default: the real one. */
  createApp?: typeof createApp
}
