/** What an OpenAPI document says of requests and answers, and what in an answer isn't as it says. */

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
  minimum?: number
  maximum?: number
}

export interface Operation {
  operationId: string
  summary?: string
  parameters?: { in: string; name: string; required?: boolean; schema?: Schema }[]
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> }
  responses: Record<string, {
    description: string
    content?: Record<string, { schema?: Schema }>
  }>
}

export interface Document {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
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
  const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
  const types = schema.type === undefined ? [type] : [schema.type].flat()
  const isType = types.includes(type) || (types.includes('integer') && Number.isInteger(value))
  if (!isType) return [`${at} is ${type}, not ${types.join(' or ')}`]
  if ('const' in schema && schema.const !== value) return [`${at} is not ${String(schema.const)}`]
  if (schema.enum && !schema.enum.includes(value)) return [`${at} is not in the list`]
  if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value as string)) {
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
      const known = schema.properties?.[name]
      if (known) return schemaFaults(document, known, member, `${at}.${name}`)
      return schema.additionalProperties ? [] : [`${at}.${name} is not in the schema`]
    }),
  ]
}

/** Every problem that an operation says it can end in. */
export const codesOf = ({ responses }: Operation): string[] =>
  Object.values(responses).flatMap(({ description }) =>
    [...description.matchAll(/`(\w+)`: /g)].map(([, code]) => code!)
  )

/** What in a real answer isn't documented. */
export function undocumented(
  document: Document,
  method: string,
  path: string,
  answer: { status: number; type: string; text: string },
): string[] {
  const response = document.paths[path]?.[method]?.responses[answer.status]
  if (!response) return [`no answer ${answer.status}`]
  const type = answer.type.replace(/;.*/, '')
  const content = response.content?.[type]
  if (!content) return [`no ${type} in answer ${answer.status}`]
  // Not as tests show it, without its hashes: as it came.
  const value: unknown = /\/(problem\+)?json$/.test(type) ? JSON.parse(answer.text) : answer.text
  const { code } = value as { code?: string }
  const missing = answer.status >= 400 && !response.description.includes(`\`${code}\``)
  return [
    ...(missing ? [`no code ${code} in answer ${answer.status}`] : []),
    ...(content.schema ? schemaFaults(document, content.schema, value) : []),
  ]
}
