/** Whole requests, made of what the document says of each operation; all of them are valid HTTP. */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { type Document, type Operation, operationsOf, type Schema } from '../support/openapi.ts'
import type { Caller } from './callers.ts'
import { HOSTILE, hostile, type Known, textOf, valid } from './values.ts'
import { spoiled } from './spoiled.ts'
import {
  EXTRA_HEADERS,
  HOSTILE_BODIES,
  HOSTILE_PATHS,
  HOSTILE_QUERIES,
  HOSTILE_SEGMENTS,
  MEDIA_TYPES,
} from './hostile_requests.ts'
import { headOf, type Request } from './request.ts'

/** Percent-encodes what a target can't have as it is; a `%` is taken to be a code already. */
const encoded = (text: string) =>
  text.replace(/[^\w.~!$&'()*+,;=:@%-]/gu, (char) => encodeURIComponent(char.toWellFormed()))

const rarely = <T>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>, weight = 12) =>
  fc.oneof({ weight, arbitrary: often }, { weight: 1, arbitrary: seldom })

const text = (value: unknown) => typeof value === 'string' ? value : textOf(value)

/** Values as a header can carry them: no control characters, latin1. */
const headerValue = (value: unknown) =>
  // oxlint-disable-next-line no-control-regex
  text(value).replace(/[\0-\x08\x0a-\x1f\x7f]/g, '').replace(/[^\0-\xff]/gu, '\xe9').slice(0, 2_000)
const JSON_TYPES = ['application/json', 'application/json; charset=utf-8', 'Application/JSON']

const extraHeader: fc.Arbitrary<[string, string]> = fc.constantFrom(...EXTRA_HEADERS)
  .chain(([name, values]) => fc.constantFrom(...values).map((value) => [name, value]))
HOSTILE_BODIES.push(
  Buffer.from('{"amount":1}', 'utf16le'),
  Buffer.from('{"amount":"\xe9"}', 'latin1'),
  Buffer.from('{"amount":1,"metadata":{"\xc0\xaf":"\xed\xa0\x80"}}', 'latin1'),
  Buffer.from('1f8b0800000000000003ab564accd5512aae2c2e49cd55', 'hex'),
  Buffer.alloc(1_000, 0xff),
)
const hostileBody = fc.oneof(
  fc.constantFrom(...HOSTILE_BODIES),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  hostile.map((value) => Buffer.from(textOf(value))),
)

/** A body as the schema wants it, mostly; all of it in UTF-8. */
function bodyOf(values: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> {
  return fc.oneof(
    { weight: 10, arbitrary: values.map((value) => Buffer.from(textOf(value))) },
    { weight: 5, arbitrary: spoiled(values).map((body) => Buffer.from(body)) },
    { weight: 1, arbitrary: hostileBody },
  )
}

function headersOf(
  document: Document,
  { parameters = [] }: Operation,
  known: Known,
): fc.Arbitrary<[string, string][]> {
  const declared = parameters.filter((parameter) => parameter.in === 'header')
    .map(({ name, schema }) => {
      const good = valid(document, schema as Schema, known, name).map(String)
      const value = rarely(good, fc.constantFrom(...HOSTILE).map(headerValue), 8)
      const twice = fc.tuple(value, value).map((values) => values.map((v) => [name, v]))
      const once = value.map((v) => [[name, v]])
      return rarely(fc.oneof(fc.constant([]), once), twice, 20) as fc.Arbitrary<[string, string][]>
    })
  const extra = fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(extraHeader, { maxLength: 4 }) },
  )
  return fc.tuple(...declared, extra).map((lists) => lists.flat())
}

function targetOf(
  document: Document,
  path: string,
  { parameters = [] }: Operation,
  known: Known,
): fc.Arbitrary<string> {
  const of = (where: string) => parameters.filter((parameter) => parameter.in === where)
  const good = (name: string, schema: Schema | undefined) =>
    valid(document, schema ?? {}, known, name).map(text)
  const segments = Object.fromEntries(
    of('path').map(({ name, schema }) => [
      name,
      rarely(good(name, schema), fc.constantFrom(...HOSTILE_SEGMENTS)),
    ]),
  )
  const queries = Object.fromEntries(
    of('query').map(({ name, schema }) => [
      name,
      rarely(good(name, schema), hostile.map(text).map((v) => v.slice(0, 3_000)), 4),
    ]),
  )
  const required = of('query').filter((one) => one.required).map(({ name }) => name)
  const query = rarely(
    fc.record(queries, { requiredKeys: required }).map((values) =>
      Object.entries(values)
        .map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`).join('&')
    ),
    fc.constantFrom(...HOSTILE_QUERIES).map(encoded),
  )
  return fc.tuple(fc.record(segments), query).map(([values, query]) => {
    const at = path.replace(/\{(\w+)\}/g, (_, name: string) => encoded(values[name]!))
    return query === '' ? at : `${at}?${query}`
  })
}

const HOST: [string, string] = ['Host', 'ledger']

/** Mostly with the length in front; some in chunks, which may be small. */
const chunk = rarely(
  fc.constant<number | undefined>(undefined),
  fc.constantFrom<number | undefined>(1_000, 7, 100_000),
)

function requestTo(
  document: Document,
  [method, path, operation]: [string, string, Operation],
  known: Known,
): fc.Arbitrary<Request> {
  const schema = operation.requestBody?.content['application/json']?.schema
  const type = rarely(fc.constantFrom(...JSON_TYPES), fc.constantFrom(...MEDIA_TYPES), 15)
  // Where no body is asked for, one may come all the same.
  const body = schema
    ? rarely(
      bodyOf(valid(document, schema, known)) as fc.Arbitrary<Buffer | undefined>,
      fc.constant(undefined),
      20,
    )
    : rarely(fc.constant(undefined), fc.constant(Buffer.from('{"amount":1}')), 20)
  return fc.record({
    method: rarely(
      fc.constant(method.toUpperCase()),
      fc.constantFrom(
        'GET',
        'HEAD',
        'POST',
        'PUT',
        'PATCH',
        'DELETE',
        'OPTIONS',
        'TRACE',
        'PROPFIND',
      ),
      25,
    ),
    target: targetOf(document, path, operation, known),
    headers: headersOf(document, operation, known),
    type,
    body,
    chunk,
  }).map(({ headers, type, body, ...rest }): Request => ({
    ...rest,
    headers: [HOST, ...(body ? [['Content-Type', type] as [string, string]] : []), ...headers],
    ...(body && { body }),
  }))
}

/** How much a server takes of a head, with room for what a caller adds; larger ones are no HTTP. */
const MAX_HEAD = 13_000

/** Requests of every operation of the document, and some to where there is none. */
export function requests(document: Document, known: Known): fc.Arbitrary<Request> {
  const all = operationsOf(document)
  const nowhere: Operation = { operationId: '', responses: {} }
  const methods = ['get', 'post'].map((method) =>
    requestTo(document, [method, '/', nowhere], known)
  )
  return fc.oneof(
    ...all.map((one) => ({
      // What belongs to no user has little to vary.
      weight: /^\/(users|transfers|debits|operations)/.test(one[1]) ? 20 : 2,
      arbitrary: requestTo(document, one, known),
    })),
    {
      weight: 15,
      arbitrary: fc.tuple(fc.oneof(...methods), fc.constantFrom(...HOSTILE_PATHS))
        .map(([request, target]) => ({ ...request, target })),
    },
  ).filter((request) => headOf(request).length < MAX_HEAD)
}

/** The same, a third of them from one of the callers. */
export const calledBy = (
  all: fc.Arbitrary<Request>,
  callers: fc.Arbitrary<Caller>,
): fc.Arbitrary<Request> =>
  fc.tuple(
    all,
    fc.oneof<fc.MaybeWeightedArbitrary<Caller | undefined>[]>(
      { weight: 2, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: callers },
    ),
  ).map(([request, caller]) => caller ? { ...request, caller } : request)
