/** Validates requests: header, path, query and body. What is wrong becomes a problem. */
import type { Context, Env, MiddlewareHandler } from 'hono'
import { resolver, uniqueSymbol } from 'hono-openapi'
import { z } from 'zod'
import { Problem } from '../core/errors.ts'
import { invalidRequest } from '../core/invalid_request.ts'
import { jsonFaults } from './json.ts'
import { assertJson } from './media_type.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** The Idempotency-Key of the request, where the route reads it. */
    key?: string
    /** The value of the JSON body, where the route reads it. */
    body?: unknown
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/**
 * What is validated, and what of the request that is. A parameter that is given twice is a list.
 */
const VALUES = {
  param: (c: Context) => c.req.param(),
  query: (c: Context) =>
    Object.fromEntries(
      Object.entries(c.req.queries()).map(([name, all]) => [name, all.length > 1 ? all : all[0]]),
    ),
  json: (c: Context) => c.get('body'),
}

type Target = keyof typeof VALUES

/**
 * Makes middleware that validates a part of the request, for `c.req.valid(target)`. It keeps the
 * schema for OpenAPI. `json` comes after `jsonBody`, which has parsed the body and found its
 * faults; @hono/zod-validator would parse it once more.
 */
export function validated<T extends z.ZodType, K extends Target>(target: K, schema: T) {
  const validator: MiddlewareHandler<Env, string, Validated<T, K>> = (c, next) => {
    const result = schema.safeParse(VALUES[target](c))
    if (!result.success) throw invalid(result.error)
    c.req.addValidatedData(target, result.data as object)
    return next()
  }
  return Object.assign(validator, {
    [uniqueSymbol]: { target, ...resolver(schema) },
    ...(schema instanceof z.ZodObject && {
      [MEMBERS]: {
        target,
        names: Object.keys(schema.shape),
        // Others are members of metadata, as in metadata.order=17.
        takesMetadata: schema.def.catchall !== undefined && target === 'query',
      },
    }),
  })
}

interface Validated<T extends z.ZodType, K extends Target> {
  in: Record<K, z.input<T>>
  out: Record<K, z.output<T>>
}

const invalid = ({ issues }: z.ZodError) =>
  invalidRequest(
    issues.flatMap(({ path, message, ...issue }) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ path: [...path as string[], key], message: 'is unknown' }))
        : [{ path: path as string[], message }]
    ),
  )

/** The key under which a validator keeps the names that it knows. */
const MEMBERS = Symbol('members')

interface Members {
  target: string
  names: string[]
  takesMetadata: boolean
}

/** A query parameter that names a member of metadata. */
export const METADATA_MEMBER = /^metadata\.[^\p{Cc}]{1,255}$/u

/**
 * Middleware of a route with these handlers: refuses query parameters that none of them validates.
 */
export function onlyKnownParameters(handlers: readonly object[]): MiddlewareHandler {
  const queries = (handlers as { [MEMBERS]?: Members }[]).flatMap((handler) =>
    handler[MEMBERS]?.target === 'query' ? [handler[MEMBERS]] : []
  )
  const known = new Set(queries.flatMap(({ names }) => names))
  const takesMetadata = queries.some((query) => query.takesMetadata)
  return (c, next) => {
    const { url } = c.req
    const at = url.indexOf('?')
    if (at === -1) return next()
    const unknown = [...new Set(new URLSearchParams(url.slice(at)).keys())]
      .filter((name) => !known.has(name) && !(takesMetadata && METADATA_MEMBER.test(name)))
    if (unknown.length === 0) return next()
    throw invalidRequest(unknown.map((name) => ({ path: [name], message: 'is unknown' })))
  }
}

/** The problem of a body that doesn't arrive in time. */
export const bodyTooSlow = (limitMs: number) =>
  invalidBody(`must arrive within ${limitMs / 1000} seconds`)

const invalidBody = (message: string) => invalidRequest([{ path: [], message }])

/**
 * Reads the body.
 * @throws Problem if it is late, too large, or doesn't arrive whole
 */
async function bytesOf(c: Context, maxBytes: number): Promise<Uint8Array> {
  // Looks at the body only if its length isn't known, because that makes Node build a whole
  // Request.
  const { headers } = c.req.raw
  const length = headers.get('content-length')
  if (Number(length) > maxBytes) throw new Problem('payload_too_large')
  const isChunked = length === null || headers.has('transfer-encoding')
  const body = isChunked ? c.req.raw.body : null
  const deadline = c.get('deadline')
  deadline?.release()
  try {
    return new Uint8Array(
      await c.get('limits').bodies.within(() =>
        body ? readLimited(body, maxBytes) : c.req.arrayBuffer()
      ),
    )
  } catch (error) {
    // The client went away. The error must not look like one of the database.
    throw error instanceof Problem ? error : invalidBody('must arrive whole')
  } finally {
    deadline?.restart()
  }
}

async function readLimited(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<ArrayBuffer> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array<ArrayBuffer>>) {
    size += chunk.length
    if (size > maxBytes) throw new Problem('payload_too_large')
    chunks.push(chunk)
  }
  return await new Blob(chunks).arrayBuffer()
}

/**
 * Reads and checks a JSON body: UTF-8, without faults, within this limit. An empty body counts as
 * {}. To be used before `validated('json', …)`.
 */
export const jsonBodyUpTo =
  (limit: 'maxBodyBytes' | 'maxDebitsBodyBytes'): MiddlewareHandler => async (c, next) => {
    const bytes = await bytesOf(c, c.get('limits')[limit])
    const isEmpty = bytes.byteLength === 0
    assertJson(c, isEmpty)
    let text: string
    try {
      text = isEmpty ? '{}' : UTF8.decode(bytes)
      c.set('body', JSON.parse(text))
    } catch {
      throw invalidBody('must be JSON in UTF-8')
    }
    const faults = jsonFaults(text)
    if (faults.length > 0) throw invalidRequest(faults)
    return next()
  }

/** Reads a JSON body of at most MAX_BODY_BYTES. */
export const jsonBody = jsonBodyUpTo('maxBodyBytes')

const KEY = z.string().regex(/^[!-~]{1,255}$/).meta({ maxLength: 255 }).optional().meta({
  description: 'A repeat with the same key gets the first answer again.',
  examples: ['order-17'],
})

/** Reads `Idempotency-Key`, bare or as a quoted string (RFC 8941), into `c.get('key')`. */
export const idempotencyKey = Object.assign(
  (async (c, next) => {
    const header = c.req.header('idempotency-key')
    if (header !== undefined) {
      const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header)?.[1]
      const key = quoted?.replace(/\\(.)/g, '$1') ?? header
      // A bare key must not begin with a quote: it would be half of a quoted one.
      if (!KEY.safeParse(key).success || (quoted === undefined && key.startsWith('"'))) {
        throw new Problem('invalid_idempotency_key')
      }
      c.set('key', key)
    }
    return next()
  }) as MiddlewareHandler,
  {
    [uniqueSymbol]: { target: 'header', ...resolver(z.object({ 'Idempotency-Key': KEY })) },
  },
)
