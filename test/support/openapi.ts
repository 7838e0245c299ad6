/**
 * What an OpenAPI document says of requests and answers, and what in an answer isn't as it says.
 */

export interface Schema {
  $ref?: string
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: unknown
  items?: Schema
  enum?: unknown[]
  const?: unknown
  pattern?: string
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  format?: string
  maxLength?: number
  maxItems?: number
  contentMediaType?: string
  minimum?: number
  maximum?: number
}

export interface Operation {
  operationId: string
  summary?: string
  description?: string
  tags?: string[]
  parameters?: {
    in: string
    name: string
    required?: boolean
    schema?: Schema
    description?: string
    example?: unknown
  }[]
  requestBody?: { required?: boolean; content: Record<string, Media> }
  responses: Record<string, Response>
}

export interface Media {
  schema: Schema
  example?: unknown
  examples?: Record<string, { $ref: string }>
}

export interface Response {
  $ref?: string
  description: string
  headers?: Record<string, { $ref: string }>
  content: Record<string, Media>
}

export interface Document {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: {
    schemas: Record<string, Schema>
    responses: Record<string, Response>
    examples: Record<string, { value: unknown }>
    headers: Record<string, object>
  }
}

export const operationsOf = (document: Document): [string, string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
      method,
      path,
      operation,
    ])
  )

/** What a reference leads to; the schema itself if it is none. */
export function resolved(document: Document, schema: Schema): Schema | undefined {
  if (schema.$ref === undefined) return schema
  return document.components.schemas[schema.$ref.replace('#/components/schemas/', '')]
}

/** What an operation answers with a status. */
export function responseOf(
  { components }: Document,
  { responses }: Operation,
  status: number | string,
): Response | undefined {
  const { $ref } = responses[status] ?? {}
  return $ref === undefined
    ? responses[status]
    : components.responses[$ref.replace('#/components/responses/', '')]
}

/** What in a value isn't as its schema says; members that it doesn't name are wrong, too. */
export function schemaFaults(
  document: Document,
  given: Schema,
  value: unknown,
  at = '$',
): string[] {
  const schema = resolved(document, given)
  if (!schema) return [`${at}: ${given.$ref} is not there`]
  if (schema.anyOf) {
    const fits = schema.anyOf.some((one) => schemaFaults(document, one, value, at).length === 0)
    return fits ? [] : [`${at} is none of them`]
  }
  if (schema.oneOf) {
    const fits = schema.oneOf.filter((one) => schemaFaults(document, one, value, at).length === 0)
    return fits.length === 1 ? [] : [`${at} is ${fits.length} of them`]
  }
  if (schema.allOf) {
    return schema.allOf.flatMap((one) =>
      schemaFaults(document, { additionalProperties: true, ...resolved(document, one) }, value, at)
    )
  }
  const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
  const types = schema.type === undefined ? [type] : [schema.type].flat()
  const isType = types.includes(type) || (types.includes('integer') && Number.isInteger(value))
  if (!isType) return [`${at} is ${type}, not ${types.join(' or ')}`]
  if ('const' in schema && schema.const !== value) return [`${at} is not ${String(schema.const)}`]
  if (schema.enum && !schema.enum.includes(value)) return [`${at} is not in the list`]
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value as string)) {
    return [`${at} is not like ${schema.pattern}`]
  }
  if (type === 'array') {
    return (value as unknown[]).flatMap((item, i) =>
      schemaFaults(document, schema.items ?? {}, item, `${at}.${i}`)
    )
  }
  if (type !== 'object') return []
  const members = value as Record<string, unknown>
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(members, name))
  return [
    ...missing.map((name) => `${at}.${name} is missing`),
    ...Object.entries(members).flatMap(([name, member]) => {
      // A member may be called toString.
      const known = Object.hasOwn(schema.properties ?? {}, name) && schema.properties![name]
      if (known) return schemaFaults(document, known, member, `${at}.${name}`)
      return schema.additionalProperties ? [] : [`${at}.${name} is not in the schema`]
    }),
  ]
}

/** Every problem that an operation says it can end in. */
export const codesOf = (document: Document, operation: Operation): string[] =>
  Object.keys(operation.responses).flatMap((status) =>
    problemCodes(responseOf(document, operation, status)!)
  )

/** Those that a response has, in its schema. */
export const problemCodes = ({ content }: Response): string[] =>
  (content['application/problem+json']?.schema.allOf![1]!.properties!['code']!.enum ??
    []) as string[]

/** What in a real answer isn't documented. */
export function undocumented(
  document: Document,
  method: string,
  path: string,
  answer: { status: number; type: string; text: string },
): string[] {
  const operation = document.paths[path]?.[method]
  const response = operation && responseOf(document, operation, answer.status)
  if (!response) return [`no answer ${answer.status}`]
  const type = answer.type.replace(/;.*/, '')
  const content = response.content[type]
  if (!content) return [`no ${type} in answer ${answer.status}`]
  // Not as tests show it, without its hashes: as it came.
  const value: unknown = /\/(problem\+)?json$/.test(type) ? JSON.parse(answer.text) : answer.text
  return schemaFaults(document, content.schema, value)
}
