/**
 * Writes client/api.ts, the types of the client, from the OpenAPI document; or compares
 * (`--check`).
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { runCommand } from '../db/command.ts'
import { createApp } from '../src/app/app.ts'
import { printedHelp } from '../src/command_line.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'

interface Schema {
  $ref?: string
  type?: string
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  additionalProperties?: unknown
}

interface Operation {
  operationId: string
  summary: string
  tags: string[]
  parameters?: { in: string; name: string; required?: boolean; schema: Schema }[]
  requestBody?: { required: boolean; content: Record<string, { schema: Schema }> }
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}

export interface ApiDocument {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

/** The document of an app that never gets another request. */
export async function apiDocument(): Promise<ApiDocument> {
  const unused = () => Promise.reject(new Error('must not be called'))
  const anything = new Proxy({}, { get: () => unused })
  const app = createApp({
    ledger: anything as never,
    events: anything as never,
    refreshEvents: unused,
    readJournal: unused,
    snapshots: anything as never,
    write: unused,
    verify: unused,
    metrics: createMetrics(),
    notReady: unused,
    onFailure: (what, error) => console.error(what, error),
  })
  return await (await app.request('/openapi.json')).json() as ApiDocument
}

const PROJECT = fileURLToPath(new URL('..', import.meta.url))

const CLIENT_API = `${PROJECT}client/api.ts`

const nameOf = (ref: string) => ref.slice(ref.lastIndexOf('/') + 1)

/** A schema as a type of TypeScript. */
function typeOf(schema: Schema): string {
  const { $ref, oneOf, anyOf = oneOf, items, properties, type } = schema
  if ($ref !== undefined) return nameOf($ref)
  if (anyOf) return anyOf.map(typeOf).join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ')
  if (items) return `(${typeOf(items)})[]`
  if (properties) return objectType(schema)
  if (type === 'object') return 'Record<string, unknown>'
  return type === 'integer' ? 'number' : type ?? 'unknown'
}

function objectType(
  { properties = {}, required = [], additionalProperties = true }: Schema,
): string {
  const members = Object.entries(properties).map(([name, schema]) => {
    const { description } = schema
    const doc = description === undefined ? '' : `/** ${description.replaceAll('*/', '')} */\n`
    return `${doc}${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`
  })
  if (members.length > 0) return `{\n${members.join('\n')}\n}`
  return `Record<string, ${additionalProperties === false ? 'never' : 'unknown'}>`
}

const jsonOf = (content: Record<string, { schema: Schema }> = {}) =>
  content['application/json']?.schema

/** Those that a program calls: with JSON for an answer, and not for operators. */
const operationsOf = ({ paths }: ApiDocument) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => !tags.includes('Service'))
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation }))
  )

function inputOf({ parameters = [], requestBody }: Operation) {
  const query = parameters.filter((parameter) => parameter.in === 'query')
  if (requestBody) {
    const { required } = requestBody
    return { kind: 'body', type: typeOf(jsonOf(requestBody.content)!), required }
  }
  if (query.length === 0) return { kind: 'none', type: '', required: false }
  const required = query.filter((parameter) => parameter.required).map(({ name }) => name)
  const properties = Object.fromEntries(query.map(({ name, schema }) => [name, schema]))
  return {
    kind: 'query',
    type: objectType({ properties, required }),
    required: required.length > 0,
  }
}

function signature(operation: Operation): string {
  const { operationId, summary, parameters = [], responses } = operation
  const { kind, type, required } = inputOf(operation)
  const answers = Object.entries(responses).filter(([status]) => status < '300')
    .map(([, { content }]) => typeOf(jsonOf(content)!))
  const values = [
    ...parameters.filter((one) => one.in === 'path').map(({ name }) => `${name}: number`),
    ...(kind === 'none' ? [] : [`${kind}${required ? '' : '?'}: ${type}`]),
    'options?: Options',
  ]
  const answer = [...new Set(answers)].join(' | ')
  return `/** ${summary}. */\n${operationId}(${values.join(', ')}): Promise<${answer}>`
}

const isKeyed = ({ parameters = [] }: Operation) =>
  parameters.some(({ name }) => name === 'Idempotency-Key')

const className = (code: string) =>
  `${code.replace(/(?:^|_)(\w)/g, (_, first: string) => first.toUpperCase())}Error`

/** The text of client/api.ts. */
export const clientApi = (document: ApiDocument): string =>
  execFileSync(`${PROJECT}node_modules/.bin/deno`, ['fmt', '--ext=ts', '-'], {
    cwd: PROJECT,
    input: unformatted(document),
    encoding: 'utf8',
  })

function unformatted(document: ApiDocument): string {
  const { schemas } = document.components
  const operations = operationsOf(document)
  const codes = schemas['Problem']!.properties!['code']!.enum as string[]
  return [
    '/** Made from the OpenAPI document by `npm run client:api`. */',
    "import { ProblemError } from './errors.ts'",
    ...Object.entries(schemas).map(([name, schema]) =>
      `${
        schema.description === undefined ? '' : `/** ${schema.description} */\n`
      }export type ${name} = ${typeOf(schema)}`
    ),
    '/** Each operation by its name: the values of its path, its body or query, options. */',
    `export interface Operations<Options> {\n${
      operations.map(({ operation }) => signature(operation)).join('\n')
    }\n}`,
    '/** Method, path, what else it takes, and whether it takes an Idempotency-Key. */',
    `export const OPERATIONS = {\n${
      operations.map(({ method, path, operation }) =>
        `${operation.operationId}: ${
          JSON.stringify([method, path, inputOf(operation).kind, isKeyed(operation)])
        },`
      ).join('\n')
    }\n} as const`,
    ...codes.map((code) =>
      `export class ${
        className(code)
      } extends ProblemError<Problem & { code: '${code}' }> {\noverride name = '${
        className(code)
      }'\n}`
    ),
    '/** By code. */',
    `export const ERRORS = {\n${
      codes.map((code) => `${code}: ${className(code)},`).join('\n')
    }\n} as const`,
  ].join('\n\n') + '\n'
}

const HELP = `
usage: npm run client:api -- [--check]

Writes client/api.ts, the types of the client, from the OpenAPI document.
--check  writes nothing, and says whether it is what would be written

exit codes: 0 it is written, or as it should be, 1 it isn't, 2 an argument isn't known`

async function main(args: string[]): Promise<number> {
  if (printedHelp(HELP, args)) return 0
  const { values } = parseArgs({ args, options: { check: { type: 'boolean' } } })
  const text = clientApi(await apiDocument())
  if (!values.check) writeFileSync(CLIENT_API, text)
  else if (readFileSync(CLIENT_API, 'utf8') !== text) {
    console.error('client/api.ts is not what the OpenAPI document says: npm run client:api')
    return 1
  }
  return 0
}

await runCommand(import.meta.url, () => main(process.argv.slice(2)))
