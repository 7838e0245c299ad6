/** The console: a page for support and finance, which asks nobody but this service. */
import { Hono } from 'hono'
import { z } from 'zod'
import { Problem } from '../core/errors.ts'
import { respond, setHeader } from '../http/response.ts'
import { validated } from '../http/validate.ts'
import { describe } from './describe.ts'

/** Under /console: its own files, those of the client, and the package that draws the chart. */
const FOLDERS = ['app', 'client', 'chart'] as const

export type ConsoleFolder = typeof FOLDERS[number]

export interface ConsoleDependencies {
  /**
   * Reads a file of the page, TypeScript as JavaScript; undefined: there is no such file. Left out:
   * there is none at all.
   */
  readConsoleFile?:
    | ((folder: ConsoleFolder, name: string) => Promise<string | undefined>)
    | undefined
}

/** Nothing from elsewhere, nothing inline, nothing around it, and no text ever becomes markup. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  // An empty icon.
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const PAGE = 'index.html'
/** Of the names that there may be; none leads out of its folder. */
const NAME = /^\w+(?:\.esm|\.min)?\.(ts|js|css)$/
const TYPES: Record<string, string> = {
  ts: 'text/javascript; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
}
const text = { type: 'string', maxLength: 10_000_000 }

const fileParam = z.object({
  folder: z.string().meta({
    description: `One of ${FOLDERS.join(', ')}.`,
    maxLength: 255,
    examples: ['app'],
  }),
  file: z.string().meta({
    description: 'The name of a file.',
    maxLength: 255,
    examples: ['page.css'],
  }),
})

/** Reads a file; @throws Problem not_found */
type Load = (folder: ConsoleFolder, name: string) => Promise<string>

/** GET /console, and the files of the page. */
export function consoleRoutes({ readConsoleFile }: ConsoleDependencies) {
  const routes = new Hono()
  const files = new Map<string, string>()

  async function load(folder: ConsoleFolder, name: string): Promise<string> {
    const path = `${folder}/${name}`
    // Read once: whoever asks again and again costs no more than memory.
    const content = files.get(path) ?? await readConsoleFile?.(folder, name)
    if (content === undefined) throw new Problem('not_found')
    files.set(path, content)
    return content
  }

  addGetConsole(routes, load)
  addGetConsoleFile(routes, load)
  return routes
}

function addGetConsole(routes: Hono, load: Load) {
  routes.get(
    '/console',
    describe({
      operationId: 'getConsole',
      tag: 'Service',
      summary: 'A page for support and finance',
      description: 'What the caller may see and do, by hand. It asks for a token itself.',
      responses: {
        200: {
          description: 'HTML.',
          media: { 'text/html': { schema: text, example: '<!doctype html>' } },
        },
      },
    }),
    async (c) => {
      const page = await load('app', PAGE)
      setHeader(c, 'Content-Security-Policy', CONTENT_SECURITY_POLICY)
      setHeader(c, 'Cross-Origin-Opener-Policy', 'same-origin')
      setHeader(c, 'Referrer-Policy', 'no-referrer')
      return respond(c, page, { type: 'text/html; charset=UTF-8' })
    },
  )
}

function addGetConsoleFile(routes: Hono, load: Load) {
  routes.get(
    '/console/:folder/:file',
    describe({
      operationId: 'getConsoleFile',
      tag: 'Service',
      summary: 'A part of the console',
      description: 'A style sheet, or a module of JavaScript.',
      responses: {
        200: {
          description: 'The file.',
          media: {
            'text/css': { schema: text, example: 'body { margin: 0 }' },
            'text/javascript': { schema: text, example: 'export {}' },
          },
        },
      },
      problems: ['not_found'],
    }),
    validated('param', fileParam),
    async (c) => {
      const { folder, file } = c.req.valid('param')
      const [, extension] = NAME.exec(file) ?? []
      if (extension === undefined || !isFolder(folder)) throw new Problem('not_found')
      return respond(c, await load(folder, file), { type: TYPES[extension]! })
    },
  )
}

const isFolder = (name: string): name is ConsoleFolder =>
  (FOLDERS as readonly string[]).includes(name)
