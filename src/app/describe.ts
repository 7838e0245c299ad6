/** What a route says of itself; the OpenAPI document is made of this and the validators. */
import { describeRoute, resolver } from 'hono-openapi'
import type { z } from 'zod'
import type { ProblemCode } from '../core/errors.ts'

/** Problems that every write to a user's history or holds can end in. */
export const WRITE_PROBLEMS: ProblemCode[] = [
  'invalid_request',
  'invalid_idempotency_key',
  'unknown_user',
  'payload_too_large',
  'unsupported_media_type',
  'idempotency_key_reused',
  'busy',
  'outcome_unknown',
]

/** Groups of operations, as pages and clients show them. */
export const TAGS = {
  Users: 'Users and their balances.',
  Entries: 'Credits and debits of a user, and the history that they make.',
  Transfers: 'Amounts that go from one user to another.',
  Holds: 'Amounts that are set aside: authorized now, captured or released later.',
  Events: 'What has happened, in order: to follow the ledger.',
  Operations: 'Many of any kind in one request.',
  Service: 'For those who run the service.',
}

/**
 * Fields of responses that OpenAPI can't know by itself; the others are added where they are sent.
 */
export const HEADERS = {
  'Location': { text: 'Where to find what was made.', example: '/users/1/history/2' },
  'X-Cache': { text: '`hit`, `miss` or `bypass`: whether the cache had it.', example: 'hit' },
  'Idempotency-Replayed': {
    text: '`true`: this is the first response to this Idempotency-Key once more.',
    example: 'true',
  },
  'Retry-After': { text: 'Seconds after which to repeat the request.', example: 1 },
  'RateLimit': {
    text: 'Where there is a limit: requests left, and seconds until all are there again.',
    example: '"default";r=99;t=1',
  },
  'RateLimit-Policy': {
    text: 'Where there is a limit: requests in a window of seconds.',
    example: '"default";q=100;w=60',
  },
  'WWW-Authenticate': { text: 'How to say who asks (RFC 6750).', example: 'Bearer' },
  'Content-Disposition': {
    text: 'A name for the file.',
    example: 'attachment; filename="user-1.csv"',
  },
}

export type HeaderName = keyof typeof HEADERS

/** Of a media type: its schema, and an example as it is sent. */
export interface Media {
  schema: object
  example: unknown
}

export interface ResponseDescription {
  /** Of the JSON; its `examples` are shown. */
  schema?: z.ZodType
  /** Instead of the schema's. */
  example?: unknown
  /** Instead of JSON or beside it. */
  media?: Record<string, Media>
  /** Instead of the schema's. */
  description?: string
  headers?: HeaderName[]
}

interface HeaderParameter {
  in: 'header'
  name: string
  description: string
  example: string
  schema: { type: 'string'; maxLength: number; pattern?: string }
}

export interface Description {
  /** As a client calls it: a verb and a noun in camelCase. */
  operationId: string
  tag: keyof typeof TAGS
  /** A few words, without a point at the end. */
  summary: string
  description: string
  /** Header fields of the request that the route reads by itself. */
  parameters?: HeaderParameter[]
  /** By status. */
  responses: Record<number, ResponseDescription>
  /** How it can end else; what any route can end in is added. */
  problems?: ProblemCode[]
}

/** The member of a route's description that has its codes until the document is made. */
export const PROBLEM_CODES = 'x-problems'

/** Goes first among the handlers of a route. */
export function describe({ responses, tag, problems = [], ...description }: Description) {
  const described = Object.entries(responses).map(([status, one]) => [status, response(one)])
  const route = {
    ...description,
    tags: [tag],
    responses: Object.fromEntries(described) as Record<string, never>,
    [PROBLEM_CODES]: [...problems, 'internal'],
  }
  return describeRoute(route)
}

interface Meta {
  examples?: unknown[]
  description?: string
}

function response({ schema, example, media = {}, description, headers = [] }: ResponseDescription) {
  const { examples = [], description: text } = (schema?.meta() ?? {}) as Meta
  return {
    description: description ?? text,
    headers: Object.fromEntries(headers.map((name) => [name, headerRef(name)])),
    content: {
      ...(schema && {
        'application/json': { schema: resolver(schema), example: example ?? examples[0] },
      }),
      ...media,
    },
  }
}

/** A reference to a header field of the document's components. */
export const headerRef = (name: HeaderName) => ({ $ref: `#/components/headers/${name}` })
