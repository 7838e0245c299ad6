/** The OpenAPI document, and a page for it that asks nobody but this service. */
import type { Context } from 'hono'
import { Hono } from 'hono'
import { accepts } from 'hono/accepts'
import { z } from 'zod'
import { Problem } from '../core/errors.ts'
import { json, respond, setHeader, setLocation, setVary } from '../http/response.ts'
import { validated } from '../http/validate.ts'
import { describe } from './describe.ts'
import { docsPage } from './docs_page/html.ts'

/** What the page is made of, by the name under /docs. */
export const DOCS_FILES = {
  'docs.css': 'text/css; charset=utf-8',
  'docs.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
} as const

export type DocsFile = keyof typeof DOCS_FILES

export interface DocsDependencies {
  /** The OpenAPI document. */
  document: () => Promise<object>
  /** The path that the service is under for those outside. */
  publicPath: string
  /** Where the service is for those outside; left out: where it is asked. */
  publicUrl?: string | undefined
  /** Left out: there is no such file. */
  readDocsFile?: ((name: DocsFile) => Promise<Uint8Array<ArrayBuffer>>) | undefined
}

/** Nothing from elsewhere, nothing inline, nothing around it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // Icons in its style sheet.
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HTML = 'text/html; charset=UTF-8'
const FILE_SECONDS = 3600

const anyObject = z.looseObject({}).meta({ description: 'An OpenAPI document.' })
const links = z.object({ docs: z.string().max(2048), openapi: z.string().max(2048) }).meta({
  id: 'Links',
  description: 'Where this service is described.',
  examples: [{ docs: '/docs', openapi: '/openapi.json' }],
})
const fileParam = z.object({
  file: z.string().meta({
    description: 'The name of a file.',
    maxLength: 255,
    examples: ['docs.css'],
  }),
})
const text = { type: 'string', maxLength: 10_000_000 }

/** GET /, /openapi.json, /docs, and the files of the page. */
export function docsRoutes(dependencies: DocsDependencies) {
  const routes = new Hono()
  addGetRoot(routes, dependencies)
  addGetOpenapi(routes, dependencies)
  addGetDocs(routes, dependencies)
  addGetDocsFile(routes, dependencies)
  return routes
}

function addGetRoot(routes: Hono, { publicPath }: DocsDependencies) {
  routes.get(
    '/',
    describe({
      operationId: 'getRoot',
      tag: 'Service',
      summary: 'Where this service is described',
      description: 'Leads a browser to the page.',
      responses: {
        200: { schema: links },
        302: {
          description: 'To the page, for what accepts HTML.',
          headers: ['Location'],
          media: { 'text/html': { schema: text, example: '<a href="/docs">Ledger</a>' } },
        },
      },
    }),
    (c) => {
      setVary(c, 'Accept')
      const supports = ['application/json', 'text/html']
      const type = accepts(c, { header: 'Accept', supports, default: 'application/json' })
      if (type !== 'text/html') {
        return json(c, { docs: `${publicPath}/docs`, openapi: `${publicPath}/openapi.json` })
      }
      setLocation(c, '/docs')
      return respond(c, `<a href="${publicPath}/docs">Ledger</a>`, { status: 302, type: HTML })
    },
  )
}

function addGetOpenapi(routes: Hono, { document, publicUrl }: DocsDependencies) {
  routes.get(
    '/openapi.json',
    describe({
      operationId: 'getOpenapi',
      tag: 'Service',
      summary: 'This description',
      description: 'The OpenAPI document of every operation.',
      responses: { 200: { schema: anyObject, example: { openapi: '3.1.0' } } },
    }),
    async (c) => {
      const url = publicUrl ?? new URL(c.req.url).origin
      return json(c, { ...await document(), servers: [{ url, description: 'This service.' }] })
    },
  )
}

function addGetDocs(routes: Hono, { publicPath }: DocsDependencies) {
  const page = docsPage(publicPath)
  routes.get(
    '/docs',
    describe({
      operationId: 'getDocs',
      tag: 'Service',
      summary: 'This description as a page',
      description: 'Every operation, to be tried out, and what each code of a problem means.',
      responses: {
        200: {
          description: 'HTML.',
          media: { 'text/html': { schema: text, example: '<!doctype html>' } },
        },
      },
    }),
    async (c) => {
      setHeader(c, 'Content-Security-Policy', CONTENT_SECURITY_POLICY)
      setHeader(c, 'Referrer-Policy', 'no-referrer')
      return respond(c, String(await page), { type: HTML })
    },
  )
}

function addGetDocsFile(routes: Hono, { readDocsFile }: DocsDependencies) {
  const files = new Map<DocsFile, Uint8Array<ArrayBuffer>>()

  async function respondWithFile(c: Context, name: string) {
    if (!readDocsFile || !Object.hasOwn(DOCS_FILES, name)) throw new Problem('not_found')
    const file = name as DocsFile
    // Read once: whoever asks again and again costs no more than memory.
    const bytes = files.get(file) ?? await readDocsFile(file)
    files.set(file, bytes)
    setHeader(c, 'Cache-Control', `private, max-age=${FILE_SECONDS}`)
    return respond(c, bytes, { type: DOCS_FILES[file] })
  }

  routes.get(
    '/docs/:file',
    describe({
      operationId: 'getDocsFile',
      tag: 'Service',
      summary: 'A part of the page',
      description: `One of ${Object.keys(DOCS_FILES).map((name) => `\`${name}\``).join(', ')}.`,
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
    (c) => respondWithFile(c, c.req.valid('param').file),
  )
}
