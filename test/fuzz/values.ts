/**
 * Values for a schema of the document: as it wants them, nearly so, and as nobody should send them.
 */
import fc from 'fast-check'
import { type Document, resolved, type Schema } from '../support/openapi.ts'

/** A part of a JSON text that JSON.stringify would not write. */
export class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export const textOf = (value: unknown): string => {
  if (value instanceof Raw) return value.text
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, member]) =>
    `${JSON.stringify(name)}:${textOf(member)}`
  )
  return `{${members.join(',')}}`
}

/** Who and what there is, so that not every request ends at somebody unknown. */
export interface Known {
  users: number[]
  /** Places in the order of events. */
  cursors: string[]
}

/** Few enough to come again. */
const KEYS = Array.from({ length: 800 }, (_, n) => `key-${n}`)
const MOMENTS = ['1999-12-31T23:59:59Z', '2026-01-31T00:00:00.123456+05:30', '9999-12-31T00:00:00Z']

/** Values that a schema can't tell, by the name of the parameter or member. */
function named(name: string, known: Known): fc.Arbitrary<unknown> | undefined {
  const user = fc.constantFrom(...known.users)
  const small = fc.integer({ min: 1, max: 12 })
  const byName: Record<string, fc.Arbitrary<unknown>> = {
    id: user,
    user_id: user,
    ids: fc.uniqueArray(user, { minLength: 1, maxLength: 3 }).map((ids) => ids.join()),
    from: user,
    to: user,
    seq: small,
    hold: small,
    file: fc.constantFrom('docs.css', 'docs.js'),
    'Last-Event-ID': fc.constantFrom('now', ...known.cursors),
    before: small,
    limit: small,
    amount: fc.oneof(
      fc.constantFrom<unknown>(0.01, 1, 2.5, '3.00', '0.10', '10', 100, 9999999999.99),
      fc.integer({ min: 1, max: 50_000 }).map((cents) => cents / 100),
    ),
    expires_in: fc.constantFrom(0.001, 0.5, 60, 86_400, 3_155_760_000),
    idempotency_key: fc.constantFrom(...KEYS),
    'Idempotency-Key': fc.constantFrom(...KEYS, ...KEYS.map((key) => `"${key}"`)),
  }
  return Object.hasOwn(byName, name) ? byName[name] : undefined
}

function stringsOf({ pattern, format }: Schema & { format?: string }): fc.Arbitrary<string> {
  const moments = [
    fc.constantFrom(...MOMENTS),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
      .map((date) => date.toISOString()),
  ]
  if (pattern === undefined) return format === 'date-time' ? fc.oneof(...moments) : fc.string()
  // What a lookahead forbids is left to the filter.
  const simple = new RegExp(pattern.replace(/\(\?!(\([^)]*\)|[^()])*\)/g, ''))
  const like = fc.stringMatching(simple).filter((text) => new RegExp(pattern).test(text))
  return format === 'date-time' ? fc.oneof(...moments, like) : like
}

/** What the schema wants, as far as it says. */
export function valid(
  document: Document,
  given: Schema,
  known: Known,
  name = '',
): fc.Arbitrary<unknown> {
  const schema = resolved(document, given)!
  const of = (one: Schema, as = name) => valid(document, one, known, as)
  // The moments of a query are called like the users of a transfer.
  const isText = schema.type === 'string' && (schema as { format?: string }).format !== undefined
  const special = isText ? undefined : named(name, known)
  if (special) return fc.oneof({ weight: 9, arbitrary: special }, general(schema, of))
  return general(schema, of)
}

function general(
  schema: Schema,
  of: (one: Schema, as?: string) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => of(one)))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if ('const' in schema) return fc.constant(schema.const)
  const { minimum: min = -1e12, maximum: max = 1e12 } = schema
  switch ([schema.type].flat()[0] ?? '') {
    case 'string':
      return stringsOf(schema)
    case 'integer':
      return fc.integer({ min, max })
    case 'number':
      return fc.oneof(fc.double({ min, max, noNaN: true }), fc.integer({ min: 1, max: 1e6 }))
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(of(schema.items ?? {}, ''), { maxLength: 6 })
    case 'object':
      return objects(schema, of)
    default:
      return fc.jsonValue()
  }
}

function objects(
  { properties, required = [] }: Schema,
  of: (one: Schema, as?: string) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  if (!properties) {
    return fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
  }
  const members = Object.entries(properties).map(([name, one]) => [name, of(one, name)] as const)
  return fc.record(Object.fromEntries(members), {
    requiredKeys: required,
    noNullPrototype: true,
  })
}

const deep = (depth: number, open: string, close: string) =>
  new Raw(open.repeat(depth) + '1' + close.repeat(depth))

/** What breaks services that trust: each has broken one somewhere. */
const HOSTILE_LISTS: unknown[][] = [
  ['', ' ', '0', '-1', '1,5', '1e2', '0x10', '1.000', '01', '+1', '1 ', '١', '１', 'NaN'],
  ['Infinity', 'null', 'undefined', 'true', '[object Object]', '__proto__', 'constructor'],
  ["' or 1=1 --", "1'; drop table users; --", '$1', '%s%n', '{{7*7}}', '${jndi:ldap://x/a}'],
  [
    '<script>alert(1)</script>',
    '../../../etc/passwd',
    '\u202e1',
    '\ufeff1',
    '\u0000',
    '1\u0000',
  ],
  ['\r\nX-Injected: 1', '\ud800', '😀'.repeat(300), 'a'.repeat(256), 'x'.repeat(5_000)],
  [null, true, false, 0, -0, -1, 0.001, 1.005, 1e21, 1e-7, 2 ** 53, -(2 ** 53), 10000000000],
  [[], {}, [1], { amount: 1 }, { $ne: 1 }, { toString: 1 }, { length: 1e9 }, [[[[]]]]],
  ['1e400', '-1e400', '0.1e1', '1E0', '00', '01', '.5', '5.', '+1', 'NaN', '0x1', '1_0'].map(
    (text) => new Raw(text),
  ),
  ['1'.repeat(40), `0.${'1'.repeat(40)}`, '9007199254740993', '1.0000000000000000001'].map(
    (text) => new Raw(text),
  ),
  ['"\\ud800"', '"\\u0000"', '"\\x41"', "'1'", '"\n"', '{"a":1,"a":2}', '{"__proto__":{"a":1}}']
    .map((text) => new Raw(text)),
  [deep(3_000, '[', ']'), deep(1_000, '{"a":', '}'), deep(100_000, '[', ']')],
]
export const HOSTILE: unknown[] = HOSTILE_LISTS.flat()

export const hostile: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.double() },
)
