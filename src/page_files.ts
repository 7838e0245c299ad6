/** Reads what the pages at /docs and /console are made of. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { ConsoleFolder } from './app/console.ts'
import type { DocsFile } from './app/docs.ts'

const require = createRequire(import.meta.url)

/** Of the page at /docs: from the package that it is made with, or our own. */
export const readDocsFile = async (name: DocsFile): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(
    await readFile(
      name.startsWith('swagger-ui')
        ? require.resolve(`swagger-ui-dist/${name}`)
        : new URL(`app/docs_page/${name}`, import.meta.url),
    ),
  )

const CONSOLE_FOLDERS: Record<ConsoleFolder, (name: string) => string | URL> = {
  app: (name) => new URL(`../console/${name}`, import.meta.url),
  client: (name) => new URL(`../client/${name}`, import.meta.url),
  chart: (name) => require.resolve(`uplot/dist/${name}`),
}

/**
 * A file of the page at /console; TypeScript without its types, each line where it was.
 * @returns undefined if there is no such file
 */
export async function readConsoleFile(
  folder: ConsoleFolder,
  name: string,
): Promise<string | undefined> {
  let text: string
  try {
    text = await readFile(CONSOLE_FOLDERS[folder](name), 'utf8')
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'ENOENT' || code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
  if (!name.endsWith('.ts')) return text
  // Loaded when somebody wants to see the page: it takes memory that a service doesn't need.
  const { transformSync } = require('@swc/wasm-typescript') as typeof import('@swc/wasm-typescript')
  return transformSync(text, { mode: 'strip-only' }).code
}
