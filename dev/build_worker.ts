/** Makes the one file that Cloudflare Workers run: `npm run worker:build`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build, type Plugin } from 'esbuild'
import { runCommand } from '../db/command.ts'
import { printedHelp } from '../src/command_line.ts'

const SOURCE = fileURLToPath(new URL('../src/worker.ts', import.meta.url))
const OUTPUT = fileURLToPath(new URL('../dist/worker.js', import.meta.url))
/** Modules of Node, and the one of prom-client that measures a process of it while it loads. */
const NODE = /^(node:\w+|cluster|https?|url|util|zlib|\.\/lib\/defaultMetrics)$/

/** Modules of Node that the driver uses, and the packages that do the same. */
const PACKAGES: Record<string, string> = { 'node:buffer': 'buffer/', 'node:events': 'events/' }

/**
 * Packages that import more of Node: prom-client to push metrics and for some messages, the driver
 * for COPY. Nothing of it is called.
 */
const KNOWN = /node_modules\/(postgres|prom-client)\//

const withoutNode: Plugin = {
  name: 'without-node',
  setup(builder) {
    builder.onResolve({ filter: NODE }, ({ path, importer }) => {
      if (path in PACKAGES) return undefined
      if (KNOWN.test(importer)) return { path, namespace: 'without-node' }
      return { errors: [{ text: `${path} is of Node, and workers have none` }] }
    })
    const empty = { contents: 'module.exports = {}' }
    builder.onLoad({ filter: /./, namespace: 'without-node' }, () => empty)
  },
}

/**
 * Bundles the service for workers.
 * @throws Error if a file of ours, or a package that isn't known to, imports anything of Node
 */
export async function buildWorker(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [SOURCE],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:sockets'],
    alias: PACKAGES,
    plugins: [withoutNode],
  })
  return outputFiles[0]!.text
}

const HELP = `
usage: npm run worker:build

Writes dist/worker.js, the service for Cloudflare Workers, in one file.

exit codes: 0 it is written, 2 it isn't`

async function main(args: string[]): Promise<number> {
  if (printedHelp(HELP, args)) return 0
  parseArgs({ args, options: {} })
  mkdirSync(new URL('../dist', import.meta.url), { recursive: true })
  writeFileSync(OUTPUT, await buildWorker())
  return 0
}

await runCommand(import.meta.url, () => main(process.argv.slice(2)))
