/**
 * What both entries, node.ts and deno.ts, share. They differ in how they write and in how they
 * measure memory.
 */
import { hash } from 'node:crypto'
import process from 'node:process'
import { format } from 'node:util'
import { printedHelp, takeNoArguments } from './command_line.ts'
import { type Config, loadConfig } from './config/config.ts'
import { loadEnvFile } from './env_file.ts'
import { readPasswordFile } from './password_file.ts'
import { createErrorOutput } from './telemetry/error_output.ts'
import { readConsoleFile, readDocsFile } from './page_files.ts'
import { readRegularFile, readRegularFileSync } from './regular_file.ts'
import { listen } from './server/http_server.ts'
import type { Runtime } from './runtime.ts'
import { type Service, startService } from './service.ts'

const HELP = `
usage: npm run serve, or deno task serve

Runs the service on DATABASE_URL, and never migrates. Settings come from the environment or .env;
.env.example lists them all. SIGTERM or SIGINT stops it when what it has accepted is answered.

exit codes: 0 stopped by a signal, 1 a setting or a port that it can't start with, in one line`

export type Serve = (config: Config) => Promise<Service>

/** Returns the `serve` of a runtime. */
export const serveOn =
  (runtime: Pick<Runtime, 'name' | 'write' | 'residentBytes'>): Serve => (config) =>
    startService(config, {
      listen,
      readText: (path) => readRegularFileSync(path).toString(),
      readFile: readRegularFile,
      readConsoleFile,
      readDocsFile,
      sha256: (text) => hash('sha256', text, 'hex'),
      ...runtime,
    })

async function start(serve: Serve, end: (code: number) => Promise<void>): Promise<void> {
  if (printedHelp(HELP, process.argv.slice(2))) return
  takeNoArguments(process.argv.slice(2))
  loadEnvFile()
  const service = await serve(loadConfig(process.env, readPasswordFile()))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void service.stop().then(() => end(0)))
  }
}

/**
 * Runs the service with the settings of this process until a signal ends it.
 * @param writeError writes to standard error and settles once all of it is taken
 */
export function main(serve: Serve, writeError: (text: string) => Promise<void>): void {
  const errors = createErrorOutput({ write: writeError, format })
  // Libraries use them, too.
  console.error = console.warn = errors.line
  async function end(code: number) {
    await errors.flush()
    process.exit(code)
  }
  start(serve, end).catch(async (error: Error) => {
    console.error(error.message)
    await end(1)
  })
}
