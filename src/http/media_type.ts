/** Checks the content type of a body: JSON in UTF-8, without a content encoding. */
import type { Context } from 'hono'
import { setHeader } from './response.ts'
import { Problem } from '../core/errors.ts'

const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i
const CHARSET = /;\s*charset\s*=\s*"?([^\s";]*)/gi
const UTF8 = ['utf-8', 'utf8']

const unsupported = (detail?: string) =>
  new Problem('unsupported_media_type', detail === undefined ? {} : { detail })

/**
 * Checks the headers that describe a body. An empty body needs no content type, so that `curl -X
 * POST` works. But it may not have another one: any web page can send a form without fields.
 * @throws Problem unsupported_media_type
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
