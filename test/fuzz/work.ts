/**
 * How much work something is, in counts that are the same on every machine: how often each block of
 * code ran, which V8 counts; the steps of regular expressions, which a machine of ours counts; and
 * the characters and items that the built-in functions below look at. To be imported before what
 * is measured: V8 counts blocks only of what it compiles later.
 */
import { Session } from 'node:inspector'
import { matching } from './regexp_steps.ts'

type Args = unknown[]
type Method = (this: unknown, ...args: Args) => unknown

const lengthOf = (value: unknown): number =>
  typeof value === 'string' || Array.isArray(value)
    ? value.length
    : value instanceof Map || value instanceof Set
    ? value.size
    : value instanceof Uint8Array || value instanceof ArrayBuffer
    ? value.byteLength
    : 0

/** All of what it is called on, even if it may find what it looks for before. */
const whole = (self: unknown) => lengthOf(self)
/** From where it begins to look up to what it finds. */
const searched = (self: unknown, [, from]: Args, result: unknown) =>
  (result === -1 ? lengthOf(self) : Number(result)) - (Number(from) || 0)
const made = (_self: unknown, _args: Args, result: unknown) => lengthOf(result)
const given = (_self: unknown, [value]: Args) => lengthOf(value)

/** Names whose place in a table anybody can work out: each may have to look at all the others. */
const isPredictable = (key: unknown) => typeof key === 'string' && /^(0|[1-9]\d{0,9})$/.test(key)
const hashed = (self: unknown, [key]: Args) => isPredictable(key) ? lengthOf(self) : 1

type Cost = (self: unknown, args: Args, result: unknown) => number

const COUNTED: [object, Record<string, Cost>][] = [
  [String.prototype, {
    includes: whole,
    indexOf: searched,
    lastIndexOf: whole,
    isWellFormed: whole,
    toWellFormed: whole,
    toLowerCase: whole,
    toUpperCase: whole,
    trim: whole,
    replaceAll: whole,
    replace: whole,
    split: whole,
    slice: made,
    substring: made,
    padEnd: made,
    padStart: made,
    repeat: made,
  }],
  [Array.prototype, {
    includes: whole,
    indexOf: searched,
    find: whole,
    findIndex: whole,
    filter: whole,
    map: whole,
    flatMap: whole,
    forEach: whole,
    every: whole,
    some: whole,
    reduce: whole,
    reverse: whole,
    sort: whole,
    toSorted: whole,
    join: made,
    concat: made,
    slice: made,
    // Not shift: V8 moves the front of the list instead, unless it is very long.
    splice: whole,
    unshift: whole,
  }],
  [Set.prototype, { add: hashed, has: hashed, delete: hashed }],
  [Map.prototype, { set: hashed, get: hashed, has: hashed, delete: hashed }],
  [JSON, { parse: given, stringify: made }],
  [TextEncoder.prototype, { encode: given }],
  [TextDecoder.prototype, { decode: given }],
]

const { value: exec } = Object.getOwnPropertyDescriptor(RegExp.prototype, 'exec') as {
  value: RegExp['exec']
}
const session = new Session()
session.connect()

const post = <T>(method: string, params?: object) =>
  new Promise<T>((resolve, reject) =>
    session.post(method, params, (error, result) => error ? reject(error) : resolve(result as T))
  )

await post('Profiler.enable')
await post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

interface Coverage {
  result: { url: string; functions: { ranges: { count: number }[] }[] }[]
}

/** How often each block ran since it was asked the last time, all together. */
async function blocks(): Promise<number> {
  const { result } = await post<Coverage>('Profiler.takePreciseCoverage')
  return result.filter(({ url }) => !url.includes('/test/'))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0)
}

/** What it takes to run this; for one of them at a time. */
export async function workOf(run: () => unknown): Promise<number> {
  let counted = 0
  let isCounting = false
  const before: [object, string, unknown][] = []

  function replace(owner: object, name: string, method: Method) {
    before.push([owner, name, Object.getOwnPropertyDescriptor(owner, name)])
    Object.defineProperty(owner, name, { value: method, configurable: true, writable: true })
  }

  let failure: unknown

  /** Nothing that the counting itself calls is counted. */
  function count(cost: () => number) {
    if (isCounting) return
    isCounting = true
    try {
      counted += cost()
    } catch (error) {
      // Whoever is measured may catch it.
      failure ??= error
    }
    isCounting = false
  }

  for (const [owner, costs] of COUNTED) {
    for (const [name, cost] of Object.entries(costs)) {
      const original = (owner as Record<string, Method>)[name]!
      replace(owner, name, function (this: unknown, ...args: Args) {
        const result = Reflect.apply(original, this, args)
        count(() => cost(this, args, result))
        return result
      })
    }
  }
  // All that is done with a regular expression asks for this, once it isn't the one of V8.
  replace(RegExp.prototype, 'exec', function (this: unknown, text: unknown) {
    count(() => matching(this as RegExp, String(text)).steps)
    return Reflect.apply(exec, this, [text])
  })

  await blocks()
  try {
    await run()
  } finally {
    for (const [owner, name, descriptor] of before.reverse()) {
      Object.defineProperty(owner, name, descriptor as PropertyDescriptor)
    }
  }
  if (failure) throw failure as Error
  return counted + await blocks()
}
