/** Answers, and the header fields that are set for them on the way. */
import type { Context } from 'hono'
import { stringify } from '../core/raw_json.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** By name, which must be written the same way everywhere: the last value is sent. */
    headers?: Record<string, string>
  }
}

/** Balances are nobody's to keep, and no answer is anything but what it says it is. */
export const ON_EVERY_ANSWER = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
}

/** Names another header field of the request that the answer depends on. */
export function setVary(c: Context, name: string): void {
  const before = c.get('headers')?.['Vary']
  setHeader(c, 'Vary', before === undefined ? name : `${before}, ${name}`)
}

/** Where the answer is about, by a path of the service: as those outside have to ask for it. */
export const setLocation = (c: Context, path: string): void =>
  setHeader(c, 'Location', `${c.get('limits').publicPath}${path}`)

/** For the answer to come. The value must be checked: not every server looks at it again. */
export function setHeader(c: Context, name: string, value: string): void {
  const headers = c.get('headers')
  if (headers) headers[name] = value
  else c.set('headers', { [name]: value })
}

/**
 * An answer with all the header fields that were set. They stay an object, which the server writes
 * as it is: a Headers, as Hono makes for `c.header`, takes 6 % of a debit to be filled and read.
 */
export function answer(
  c: Context,
  body: string | ReadableStream<Uint8Array>,
  { status = 200, type = 'application/json' } = {},
): Response {
  const headers = { 'Content-Type': type, ...ON_EVERY_ANSWER, ...c.get('headers') }
  return new Response(body, { status, headers })
}

/** 204, with all the header fields that were set. */
export const noContent = (c: Context): Response =>
  new Response(null, { status: 204, headers: { ...ON_EVERY_ANSWER, ...c.get('headers') } })

/** The value as JSON. */
export const json = (c: Context, value: unknown, status = 200): Response =>
  answer(c, stringify(value), { status })
