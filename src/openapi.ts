/** OpenAPI 3.1, made from the schemas that validate. */
import type { Hono } from 'hono'
import { generateSpecs, resolver } from 'hono-openapi'
import { z } from 'zod'
import { PROBLEMS } from './errors.ts'
import type { ProblemCode } from './errors.ts'
import { problem } from './routes/schemas.ts'

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

type Documented = Awaited<ReturnType<typeof generateSpecs>>

/** The document for all routes of an app. */
export async function openapi(app: Hono): Promise<Documented> {
  const document = await generateSpecs(app, {
    // A path with a point in it, as /openapi.json, counts as one.
    excludeStaticFile: false,
    documentation: {
      info: {
        title: 'Ledger',
        version: '0.1.0',
        description: 'Balances of users, kept as a history of credits and debits.',
      },
    },
  })
  for (const { post } of Object.values(document.paths)) {
    if (!post?.requestBody || !('content' in post.requestBody)) continue
    const schema = post.requestBody.content['application/json']?.schema
    // No body counts as {}, which will do where no member is required.
    const hasRequired = schema && !('$ref' in schema) && (schema.required ?? []).length > 0
    post.requestBody.required = hasRequired || (schema as { type?: string }).type !== 'object'
  }
  return document
}
