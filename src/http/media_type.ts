/** What a body is said to be: JSON in UTF-8 as it is, or nothing is read into it. */
import type { Context } from 'hono'
import { setHeader } from './response.ts'
import { Problem } from '../core/errors.ts'

const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i
const CHARSET = /;\s*charset\s*=\s*"?([^\s";]*)/gi
const UTF8 = ['utf-8', 'utf8']

const unsupported = (detail?: string) =>
  new Problem('unsupported_media_type', detail === undefined ? {} : { detail })

/**
 * A body that is empty needs no type, so that `curl -X POST` works; but it may not have another one:
 * a form without fields is what a page of anybody's can send.
 * @throws Problem
 */
export function assertJson(c: Context, isEmpty: boolean): void {
  const coding = c.req.header('content-encoding')
  if (coding && coding.toLowerCase() !== 'identity') {
    // RFC 9110, 15.5.16.
    setHeader(c, 'Accept-Encoding', 'identity')
    throw unsupported('The body must be sent without a Content-Encoding.')
  }
  const type = c.req.header('content-type') ?? ''
  if (isEmpty && type === '') return
  if (!JSON_TYPE.test(type)) throw unsupported()
  for (const [, charset] of type.matchAll(CHARSET)) {
    if (!UTF8.includes(charset!.toLowerCase())) throw unsupported('The charset must be utf-8.')
  }
}
