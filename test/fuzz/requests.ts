/** Whole requests, made of what the document says of each operation; all of them are valid HTTP. */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { type Document, type Operation, operationsOf, type Schema } from '../support/openapi.ts'
import type { Caller } from './callers.ts'
import { HOSTILE, hostile, type Known, spoiled, textOf, valid } from './values.ts'

export interface Request {
  method: string
  /** As it stands in the first line. */
  target: string
  headers: [string, string][]
  body?: Buffer
  /** Sent in chunks of about this size; else with Content-Length. */
  chunk?: number | undefined
  /** Who sends it to the service with access on; left out: it goes to the one without. */
  caller?: Caller
}

const headOf = ({ method, target, headers, caller }: Request, more: string[] = []): string => {
  const lines = [...headers, ...caller?.headers ?? []].map(([name, value]) => `${name}: ${value}`)
  return `${[`${method} ${target} HTTP/1.1`, ...lines, ...more].join('\r\n')}\r\n\r\n`
}

/** The bytes of a request; header values are latin1. */
export function bytesOf(request: Request): Buffer {
  const { body, chunk } = request
  const lines: string[] = []
  const parts: Buffer[] = []
  if (body && chunk !== undefined) {
    lines.push('Transfer-Encoding: chunked')
    for (let at = 0; at < body.length; at += chunk) {
      const part = body.subarray(at, at + chunk)
      parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
    }
    parts.push(Buffer.from('0\r\n\r\n'))
  } else if (body) {
    lines.push(`Content-Length: ${body.length}`)
    parts.push(body)
  }
  return Buffer.concat([Buffer.from(headOf(request, lines), 'latin1'), ...parts])
}

/** Percent-encodes what a target can't have as it is; a `%` is taken to be a code already. */
const encoded = (text: string) =>
  text.replace(/[^\w.~!$&'()*+,;=:@%-]/gu, (char) => encodeURIComponent(char.toWellFormed()))

const HOSTILE_SEGMENTS = [
  ['', '0', '-1', '1.0', '01', '1e3', '0x1', '9007199254740991', '9007199254740992'],
  [
    '9'.repeat(30),
    '1'.repeat(3_000),
    '%31',
    '%00',
    '1%00',
    '1%2F2',
    '%2e%2e',
    '..',
    '.',
    '1;a=b',
  ],
  [
    '%',
    '%zz',
    '%ff',
    '%c0%af',
    '१',
    '１',
    'null',
    'NaN',
    "1'--",
    '1 or 1=1',
    '*',
    ':id',
    '{id}',
  ],
  ['1%0d%0aX-A:%201', '1?', '1#', '%252e', '😀', '__proto__', 'constructor', '\u202e1'],
].flat()
const HOSTILE_QUERIES = [
  ['', '&&', '=', '?', '%', '%ff', '%zz', '+', 'a', 'a=b', 'a[b]=c', '__proto__=1', 'limit'],
  ['limit=', 'limit=0', 'limit=1001', 'limit=1&limit=2', 'limit[]=1', 'limit=1e1', 'limit=%00'],
  ['before=0', 'before=x', 'at=now', 'at=infinity', 'at=2026-02-30T00:00:00Z', 'at='],
  ['at=0000-01-01T00:00:00Z', 'at=2026-01-01T24:00:00Z', 'from=2&to=1', 'at=1%20or%201=1'],
  'from=9999-12-31T23:59:59Z',
  'x='.repeat(1_000),
  `limit=${'1'.repeat(5_000)}`,
].flat()

const rarely = <T>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>, weight = 12) =>
  fc.oneof({ weight, arbitrary: often }, { weight: 1, arbitrary: seldom })

const text = (value: unknown) => typeof value === 'string' ? value : textOf(value)

/** Values as a header can carry them: no control characters, latin1. */
const headerValue = (value: unknown) =>
  // oxlint-disable-next-line no-control-regex
  text(value).replace(/[\0-\x08\x0a-\x1f\x7f]/g, '').replace(/[^\0-\xff]/gu, '\xe9').slice(0, 2_000)

const MEDIA_TYPES = [
  ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ''],
  [
    'application/jsonx',
    'json',
    '*/*',
    'application/json, text/plain',
    'application/xml',
    '\xe9',
  ],
].flat()
const JSON_TYPES = ['application/json', 'application/json; charset=utf-8', 'Application/JSON']

/** What clients, proxies and attackers add; nothing of it may matter, but for Accept and caches. */
const EXTRA_HEADERS: [string, string[]][] = [
  ['Accept', [
    'text/csv',
    'application/x-ndjson',
    'text/html',
    '*/*;q=0',
    'text/csv;q=x',
    ',',
    '\xe9',
  ]],
  ['Accept-Encoding', ['gzip, br', 'identity;q=0, *;q=0', 'x'.repeat(1_000)]],
  ['Cache-Control', ['no-cache', 'max-age=0', 'only-if-cached', '"']],
  ['Content-Encoding', ['gzip', 'identity']],
  ['Connection', ['keep-alive', 'close', 'Content-Length', 'X-A, Idempotency-Key', 'Upgrade']],
  ['Cookie', ['a=b; c', '__proto__=1']],
  ['Expect', ['100-continue']],
  ['Forwarded', ['for=127.0.0.1;host=x', 'for="[::1"']],
  ['If-Match', ['*', '"x"']],
  ['If-None-Match', ['*', '"x"']],
  ['Origin', ['null', 'https://elsewhere']],
  ['Prefer', ['respond-async']],
  ['Range', ['bytes=0-1', 'bytes=-1', 'bytes=9-1,2-3']],
  ['traceparent', ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '00-0-0-0', 'x']],
  ['X-Forwarded-For', ['127.0.0.1', "' or 1=1", 'x'.repeat(1_000)]],
  ['X-HTTP-Method-Override', ['DELETE', 'POST']],
  ['X-Original-URL', ['/users/1/credit']],
  ['X-Request-Id', ['1', 'a'.repeat(1_000), '\xe9']],
  ['__proto__', ['1']],
]

const extraHeader: fc.Arbitrary<[string, string]> = fc.constantFrom(...EXTRA_HEADERS)
  .chain(([name, values]) => fc.constantFrom(...values).map((value) => [name, value]))

const HOSTILE_BODIES = [
  ['', ' ', 'null', '[]', '""', '0', '{', '}', '[[', '{}{}', '{"amount":1}//', "{'amount':1}"],
  ['{amount:1}', '\ufeff{"amount":1}', '{"amount":1,}', '{"amount":NaN}', 'amount=1', '<a/>'],
  [' '.repeat(70_000), '['.repeat(60_000), '{"a":'.repeat(10_000), '-'.repeat(1_000), '\0'],
].flat().map((body) => Buffer.from(body))
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

const HOSTILE_PATHS = [
  ['/', '//', '/users/', '/users//debit', '/users/1/', '/users/1/debit/', '/users/1//debit'],
  ['//users/1', '/Users/1', '/users/1/DEBIT', '/users/1/history/1/reverse/', '/users/1/debit;x'],
  ['/users/1%2Fdebit', '/%75sers/1', '/users/1/debit%00', '/users/1/debit%2f', '/users/*'],
  ['/.env', '/.git/config', '/admin', '/metrics/', '/metrics/x', '/livez/..', '/users/../livez'],
  ['/x/../users/1', '/./users/1', '/users/./1', '/%2e%2e/users/1', '/..;/users/1', '/debits/1'],
  [
    '/transfers/1',
    '/openapi.json/',
    '/docs/../docs',
    '/docs.html',
    '/__proto__',
    '/constructor',
  ],
  `/${'x'.repeat(5_000)}`,
  `/users/${'1/'.repeat(1_000)}`,
].flat()

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
      weight: /^\/(users|transfers|debits)/.test(one[1]) ? 20 : 2,
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
