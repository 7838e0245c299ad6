/** A request, and its bytes. */
import { Buffer } from 'node:buffer'
import type { Caller } from './callers.ts'

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

export const headOf = (
  { method, target, headers, caller }: Request,
  more: string[] = [],
): string => {
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
