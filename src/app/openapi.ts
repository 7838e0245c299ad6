/** OpenAPI 3.1, made from the schemas that validate. */
import type { Hono } from 'hono'
import { generateSpecs, resolver } from 'hono-openapi'
import { z } from 'zod'
import { RULES } from '../auth/scopes.ts'
import { PROBLEMS } from '../core/errors.ts'
import type { ProblemCode } from '../core/errors.ts'
import { problem } from './schemas.ts'

/** What every write to a user's history or holds can end in. */
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

/**
 * The `responses` of an operation: bodies by status, the problems that it can end in, and what else
 * than JSON can be had.
 */
export function answers(
  bodies: Record<number, z.ZodType>,
  codes: ProblemCode[] = [],
  otherTypes: string[] = [],
) {
  const responses: Record<string, { description: string; content: Record<string, object> }> = {}
  for (const [status, schema] of Object.entries(bodies)) {
    const content: Record<string, object> = { 'application/json': { schema: resolver(schema) } }
    for (const type of otherTypes) content[type] = { schema: { type: 'string' } }
    responses[status] = { description: schema.description ?? 'Done.', content }
  }
  for (const code of [...codes, 'internal' as const]) {
    const { status, title } = PROBLEMS[code]
    const described = responses[status]
    if (described) described.description += ` \`${code}\`: ${title}`
    else {
      responses[status] = {
        description: `\`${code}\`: ${title}`,
        content: { 'application/problem+json': { schema: resolver(problem) } },
      }
    }
  }
  return { responses } as object
}

const BEARER = {
  type: 'http',
  scheme: 'bearer',
  description: 'A token or a JWT, with the scopes that an operation names.',
} as const

/** What a caller can meet before the route; `busy`: an issuer's keys are out of reach. */
const ACCESS_PROBLEMS: ProblemCode[] = ['unauthorized', 'forbidden', 'rate_limited', 'busy']

const PROBLEM_CONTENT = {
  'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
}

/** Whatever an operation takes: other parameters are refused. */
function withUnknownParameters({ responses }: { responses?: Record<string, object> }): void {
  const { status, title } = PROBLEMS.invalid_request
  const description = `\`invalid_request\`: ${title}`
  if (responses) responses[status] ??= { description, content: PROBLEM_CONTENT }
}

type Documented = Awaited<ReturnType<typeof generateSpecs>>

export interface OpenapiOptions {
  /** Nobody gets in without a token. */
  isClosed: boolean
  publicUrl?: string | undefined
}

/** The document for all routes of an app. */
export async function openapi(
  app: Hono,
  { isClosed, publicUrl }: OpenapiOptions,
): Promise<Documented> {
  const document = await generateSpecs(app, {
    // A path with a point in it, as /openapi.json, counts as one.
    excludeStaticFile: false,
    // What some probes ask.
    excludeMethods: [],
    documentation: {
      components: { securitySchemes: { bearer: BEARER } },
      ...(publicUrl !== undefined && { servers: [{ url: publicUrl }] }),
      info: {
        title: 'Ledger',
        version: '0.1.0',
        description: 'Balances of users, kept as a history of credits and debits.',
      },
    },
  })
  for (const operations of Object.values(document.paths)) {
    for (const method of ['get', 'post', 'options'] as const) {
      if (operations?.[method]) withUnknownParameters(operations[method])
    }
  }
  for (const { post } of Object.values(document.paths)) {
    if (!post?.requestBody || !('content' in post.requestBody)) continue
    const schema = post.requestBody.content['application/json']?.schema
    // No body counts as {}, which will do where no member is required.
    const hasRequired = schema && !('$ref' in schema) && (schema.required ?? []).length > 0
    post.requestBody.required = hasRequired || (schema as { type?: string }).type !== 'object'
  }
  return withAccess(document, isClosed)
}

/** What each operation takes and how it refuses, from the rules that are enforced. */
function withAccess(document: Documented, isClosed: boolean): Documented {
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const method of ['get', 'post'] as const) {
      const operation = operations?.[method]
      const rule = RULES[`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`]
      if (!operation || rule === 'open' || rule === undefined) continue
      const needed = { bearer: rule === 'any' ? [] : [rule] }
      operation.security = isClosed ? [needed] : [{}, needed]
      const responses = operation.responses ??= {}
      for (const code of ACCESS_PROBLEMS) {
        if (code === 'forbidden' && rule === 'any') continue
        const { status, title } = PROBLEMS[code]
        const description = `\`${code}\`: ${title}`
        responses[status] ??= { description, content: PROBLEM_CONTENT }
      }
    }
  }
  return document
}
