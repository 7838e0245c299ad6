/** OpenAPI 3.1, made from the schemas that validate and what each route says of itself. */
import type { Hono } from 'hono'
import { generateSpecs, resolver } from 'hono-openapi'
import { RULES } from '../auth/scopes.ts'
import { publicPathOf } from '../config/edge_config.ts'
import type { ProblemCode } from '../core/errors.ts'
import { isLimited } from '../http/rate_limit.ts'
import { type HeaderName, headerRef, HEADERS, PROBLEM_CODES, TAGS } from './describe.ts'
import { statementLine } from './history_schemas.ts'
import { type ProblemComponents, problemResponses } from './problem_responses.ts'
import { VERSION } from '../core/version.ts'
import { problem } from './schemas.ts'

const INFO = {
  title: 'Ledger',
  version: VERSION,
  description:
    'Balances of users, kept as a history of credits and debits that proves itself.\n\n' +
    'Amounts are decimals with two places, as strings. Every write can be repeated with the same ' +
    '`Idempotency-Key` and is done once. Every refusal is `application/problem+json` with a `code`.',
  contact: { name: 'Whoever runs this service' },
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
}

const BEARER = {
  type: 'http',
  scheme: 'bearer',
  description: 'A token or a JWT, with the scope that an operation names.',
} as const

/**
 * Problems of access, which come before the route; `busy` if the issuer's keys can't be fetched.
 */
const ACCESS_PROBLEMS: ProblemCode[] = ['unauthorized', 'forbidden', 'busy']

interface Schema {
  type?: string
  required?: string[]
  example?: unknown
  examples?: unknown[]
}

interface Media {
  schema: Schema
  example?: unknown
}

interface Operation {
  [PROBLEM_CODES]?: ProblemCode[]
  operationId: string
  parameters?: { in: string; name: string; schema: Schema; example?: unknown }[]
  requestBody?: { required: boolean; content: Record<string, Media> }
  responses: Record<string, { headers: Record<string, object>; content: Record<string, Media> }>
  security?: Record<string, never[]>[]
  description?: string
}

export interface OpenapiOptions {
  /** Whether access is on. */
  isClosed: boolean
  publicUrl?: string | undefined
}

/** Generates the document for all routes of an app. */
export async function openapi(
  app: Hono,
  { isClosed, publicUrl }: OpenapiOptions,
): Promise<object> {
  const schemas = await schemasOf(problem, statementLine)
  const document = await generateSpecs(app, {
    // Paths with a dot, such as /openapi.json, would be taken for files.
    excludeStaticFile: false,
    // OPTIONS is documented, because probes use it.
    excludeMethods: [],
    defaultValidationErrorResponse: false,
    documentation: {
      info: INFO,
      servers: [{ url: publicUrl ?? '/', description: 'This service.' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        schemas,
        headers: Object.fromEntries(Object.entries(HEADERS).map(header)),
        securitySchemes: { bearer: BEARER },
      },
    },
  })
  const problems: ProblemComponents = { responses: {}, examples: {} }
  const publicPath = publicPathOf(publicUrl)
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations as Record<string, Operation>)) {
      completeOperation(operation, problems, { method, path, isClosed, publicPath })
    }
  }
  Object.assign(document.components, problems)
  return document
}

/** By name: those that no route has as the whole of a body. */
async function schemasOf(...all: Parameters<typeof resolver>[0][]) {
  const resolved = await Promise.all(all.map((schema) => resolver(schema).toOpenAPISchema()))
  return Object.assign({}, ...resolved.map(({ components }) => components?.schemas)) as Record<
    string,
    object
  >
}

const header = ([name, { text, example }]: [string, typeof HEADERS[HeaderName]]) => [name, {
  description: text,
  schema: typeof example === 'number'
    ? { type: 'integer', format: 'int32', minimum: 1, maximum: 2147483647 }
    : { type: 'string', maxLength: 2048 },
  example,
}]

interface Place {
  method: string
  path: string
  isClosed: boolean
  publicPath: string
}

/** Adds what many operations have in common. */
function completeOperation(
  operation: Operation,
  problems: ProblemComponents,
  { method, path, isClosed, publicPath }: Place,
): void {
  const rule = RULES[`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`] ?? 'any'
  operation.security = rule === 'open' ? [] : isClosed ? [{ bearer: [] }] : [{}, { bearer: [] }]
  // Only OAuth has scopes in `security` that every tool understands.
  if (rule !== 'open' && rule !== 'any') operation.description += ` Scope: \`${rule}\`.`
  for (const parameter of operation.parameters ?? []) {
    moveExample(parameter)
    // A key belongs to one request: none with that of another works.
    if (parameter.name === 'Idempotency-Key') parameter.example = `${operation.operationId}-17`
    // As 1,2,3 instead of one parameter for each.
    if (parameter.schema.type === 'array') Object.assign(parameter, { explode: false })
  }
  if (operation.requestBody) completeBody(operation.requestBody)
  const codes = new Set<ProblemCode>(operation[PROBLEM_CODES])
  delete operation[PROBLEM_CODES]
  // Parameters that an operation doesn't take are refused.
  codes.add('invalid_request')
  if (rule !== 'open') { for (const code of ACCESS_PROBLEMS) codes.add(code) }
  if (rule === 'any') codes.delete('forbidden')
  if (isLimited(path)) codes.add('rate_limited')
  addHeaders(operation, codes)
  Object.assign(operation.responses, problemResponses([...codes], problems, publicPath))
}

function completeBody(body: NonNullable<Operation['requestBody']>): void {
  for (const media of Object.values(body.content)) {
    moveExample(media)
    const { required = [], type } = media.schema
    // An empty body counts as {}, which is valid where no member is required.
    body.required = required.length > 0 || type !== 'object'
  }
}

/** From a schema to what has it, where more tools look. */
function moveExample(owner: { schema: Schema; example?: unknown }): void {
  const { example, examples = [example], ...schema } = owner.schema
  Object.assign(owner, { schema, example: examples[0] ?? owner.example })
}

function addHeaders({ parameters = [], responses }: Operation, codes: Set<ProblemCode>): void {
  const names: HeaderName[] = [
    ...(parameters.some(({ name }) => name === 'Idempotency-Key')
      ? ['Idempotency-Replayed' as const]
      : []),
    ...(codes.has('rate_limited') ? ['RateLimit', 'RateLimit-Policy'] as const : []),
  ]
  for (const response of Object.values(responses)) {
    for (const name of names) response.headers[name] = headerRef(name)
  }
}
