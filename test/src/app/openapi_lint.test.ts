/** What linters and other tools of OpenAPI want of the document, and that its examples work. */
import { createConfig, lintFromString } from '@redocly/openapi-core'
import {
  Document as SpectralDocument,
  type RulesetDefinition,
  Spectral,
} from '@stoplight/spectral-core'
import * as Parsers from '@stoplight/spectral-parsers'
import { oas } from '@stoplight/spectral-rulesets'
import { beforeAll, expect, test } from 'vitest'
import { RULES } from '../../../src/auth/scopes.ts'
import { PROBLEMS } from '../../../src/core/errors.ts'
import {
  type Document,
  type Operation,
  operationsOf,
  problemCodes,
  responseOf,
  type Schema,
  schemaFaults,
  undocumented,
} from '../../support/openapi.ts'
import { useHttp } from '../../support/http.ts'

const http = useHttp()
let text: string
let document: Document
let operations: [string, string, Operation][]

beforeAll(async () => {
  text = (await http.call('GET', '/openapi.json')).text
  document = JSON.parse(text) as Document
  operations = operationsOf(document)
})

async function redocly(source: string): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended-strict'] })
  const found = await lintFromString({ source, absoluteRef: '/openapi.json', config })
  return found.map(({ ruleId, message, location }) =>
    `${ruleId} ${location[0]?.pointer} ${message}`
  )
}

async function spectral(source: string): Promise<string[]> {
  const linter = new Spectral()
  linter.setRuleset(oas as RulesetDefinition)
  const found = await linter.run(new SpectralDocument(source, Parsers.Json))
  return found.map(({ code, path, message }) => `${code} ${path.join('/')} ${message}`)
}

test('Redocly has nothing to say', async () => {
  expect(await redocly(text)).toEqual([])
  expect(await redocly(text.replace('"operationId":"debitUser",', ''))).not.toEqual([])
})

test('spectral:oas has nothing to say', async () => {
  expect(await spectral(text)).toEqual([])
})

test('an operation has the name that a person would give it', () => {
  for (const [method, path, { operationId }] of operations) {
    expect(operationId, `${method} ${path}`).toMatch(/^[a-z]+([A-Z][a-z]+)*$/)
    expect(operationId, `${method} ${path}`).not.toMatch(/^(get|post)\w*By[A-Z]/)
  }
})

test('every parameter has a description and an example that its schema takes', () => {
  for (const [method, path, { parameters = [] }] of operations) {
    for (const { name, description, example, schema } of parameters) {
      const what = `${method} ${path} ${name}`
      expect(description, what).toMatch(/\w\.$/)
      expect(schemaFaults(document, schema!, example), what).toEqual([])
    }
  }
})

test('every body and every answer has an example that its schema takes', () => {
  for (const [method, path, operation] of operations) {
    const { requestBody, responses } = operation
    const answers = Object.keys(responses).map((status) => responseOf(document, operation, status)!)
    for (const { content } of [...(requestBody ? [requestBody] : []), ...answers]) {
      for (const [type, { schema, example, examples = {} }] of Object.entries(content)) {
        const what = `${method} ${path} ${type}`
        expect(schema, what).toBeDefined()
        const values = Object.values(examples).map(({ $ref }) =>
          document.components.examples[$ref.replace('#/components/examples/', '')]!.value
        )
        expect([...values, example].filter((one) => one !== undefined), what).not.toEqual([])
        for (const value of example === undefined ? values : [example]) {
          expect(schemaFaults(document, schema, value), what).toEqual([])
        }
      }
    }
  }
})

test('every problem of an operation is in the enum of its code, once', () => {
  for (const [method, path, operation] of operations) {
    for (const status of Object.keys(operation.responses)) {
      if (status < '400') continue
      const codes = problemCodes(responseOf(document, operation, status)!)
      expect(codes, `${method} ${path} ${status}`).not.toEqual([])
      for (const code of codes) {
        expect(PROBLEMS[code as keyof typeof PROBLEMS].status).toBe(Number(status))
      }
    }
  }
})

/** Every schema in the document, with where it is. */
function schemasIn(value: unknown, at: string): [string, Schema][] {
  if (typeof value !== 'object' || value === null) return []
  const members = Object.entries(value)
    .filter(([name]) => !['example', 'examples', 'default', 'enum'].includes(name))
  const isSchema = typeof (value as Schema).type === 'string' && !('in' in value)
  return [
    ...(isSchema ? [[at, value] as [string, Schema]] : []),
    ...members.flatMap(([name, member]) => schemasIn(member, `${at}/${name}`)),
  ]
}

test('integers have a format and bounds, arrays and texts a limit', () => {
  const { paths, components: { schemas, responses, headers } } = document
  const unbounded = schemasIn({ paths, schemas, responses, headers }, '').filter(([, schema]) => {
    const { type, format, minimum, maximum, maxItems, maxLength, contentMediaType } = schema
    if (type === 'integer') {
      return format === undefined || minimum === undefined || maximum === undefined
    }
    if (type === 'array') return maxItems === undefined
    if (type !== 'string' || schema.enum || schema.const !== undefined) return false
    return maxLength === undefined && format !== 'date-time' && contentMediaType === undefined
  })
  expect(unbounded.map(([at]) => at)).toEqual([])
})

test('metadata may have members', () => {
  const { schema } = document.paths['/users/{id}/debit']!['post']!
    .requestBody!.content['application/json']!
  expect(schema.properties!['metadata']).toMatchObject({ additionalProperties: true })
})

const HEADERS: Record<string, string[]> = {
  'get /users/{id} 200': ['X-Cache', 'RateLimit'],
  'post /users 201': ['Location'],
  'post /users/{id}/debit 201': ['Location', 'Idempotency-Replayed', 'RateLimit'],
  'post /users/{id}/debit 503': ['Retry-After'],
  'post /users/{id}/debit 429': ['Retry-After', 'RateLimit'],
  'post /users/{id}/debit 401': ['WWW-Authenticate'],
}

test.each(Object.entries(HEADERS))('the fields of %s are described', (name, fields) => {
  const [method, path, status] = name.split(' ') as [string, string, string]
  const response = responseOf(document, document.paths[path]![method]!, status)!
  expect(Object.keys(response.headers!)).toEqual(expect.arrayContaining(fields))
})

/** What the examples are about: user 1 with two entries and two holds, and user 2. */
async function prepare(): Promise<void> {
  await http.sql`select create_user(2)`
  await http.sql`select credit_user(1, 1000)`
  await http.sql`select debit_user(1, 100)`
  await http.sql`select place_hold(1, 100), place_hold(1, 100)`
}

/** The first of an operation's requests: what is required of it, and its body. */
async function sendExample(method: string, path: string, operation: Operation) {
  const { parameters = [], requestBody } = operation
  const exampleOf = (name: string) =>
    String(parameters.find((parameter) => parameter.name === name)!.example)
  const query = parameters.filter((one) => one.in === 'query' && one.required)
    .map(({ name }) => `${name}=${exampleOf(name)}`).join('&')
  const at = `${path.replace(/\{(\w+)\}/g, (_, name: string) => exampleOf(name))}?${query}`
  const isKeyed = parameters.some(({ name }) => name === 'Idempotency-Key')
  const headers = isKeyed ? { 'Idempotency-Key': exampleOf('Idempotency-Key') } : {}
  const body = requestBody?.content['application/json']!.example
  return { at, answer: await http.call(method.toUpperCase(), at, body, headers) }
}

test('every example works when it is sent as it stands', async () => {
  await prepare()
  for (const [method, path, operation] of operations) {
    const { at, answer } = await sendExample(method, path, operation)
    expect(answer.status, `${method} ${at} ${answer.text}`).toBeLessThan(300)
    const type = answer.headers['content-type']!
    const sent = { status: answer.status, type, text: answer.text }
    expect(undocumented(document, method, path, sent), `${method} ${at}`).toEqual([])
    for (const { in: place, name, required, example } of operation.parameters ?? []) {
      if (place !== 'query' || required) continue
      const Accept = ['from', 'to', 'after'].includes(name) ? 'text/csv' : '*/*'
      const one = await http.call('GET', `${at}&${name}=${String(example)}`, undefined, { Accept })
      expect(one.status, `${at}&${name} ${one.text}`).toBe(200)
    }
  }
})

test('every route has a rule, so that its scope is described', () => {
  const named = operations.map(([method, path]) =>
    `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`
  )
  expect(named.filter((name) => !Object.hasOwn(RULES, name))).toEqual([])
})
