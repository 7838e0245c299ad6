/** What every answer has, whoever makes it. */
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { useHttp } from '../../support/http.ts'

const http = useHttp()

const EVERYWHERE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

const REQUESTS: [string, string, RequestInit?][] = [
  ['GET', '/users/1'],
  ['HEAD', '/users/1'],
  ['GET', '/users/1/history'],
  ['GET', '/users/1/history', { headers: { Accept: 'text/csv' } }],
  ['GET', '/users/1/history', { headers: { Accept: 'application/x-ndjson' } }],
  ['GET', '/users/1/balance'],
  ['GET', '/users/1/verify'],
  ['POST', '/users/1/recalculate'],
  ['POST', '/users'],
  ['POST', '/debits', { headers: { 'Content-Type': 'application/json' }, body: '[]' }],
  ['GET', '/metrics'],
  ['GET', '/livez'],
  ['GET', '/readyz'],
  ['GET', '/openapi.json'],
  ['GET', '/docs'],
  // Refusals.
  ['GET', '/users/x'],
  ['GET', '/users/4711'],
  ['POST', '/users/1/debit', { headers: { 'Content-Type': 'text/plain' }, body: 'x' }],
  ['GET', '/nothing'],
  ['PUT', '/users/1'],
]

test.each(REQUESTS)('%s %s is kept by no cache and taken for nothing else', async (
  method,
  path,
  init,
) => {
  const { headers, body } = await fetch(`${http.service.url}${path}`, { ...init, method })
  await body?.cancel()
  expect(Object.fromEntries(headers)).toMatchObject(EVERYWHERE)
})

test.each([
  ['what is no HTTP', 'no HTTP\r\n\r\n'],
  ['what has no Host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
])('so is the refusal of %s', async (_, bytes) => {
  const { hostname, port } = new URL(http.service.url)
  const socket = connect(Number(port), hostname)
  socket.end(bytes)
  let text = ''
  for await (const part of socket) text += String(part)
  expect(text).toMatch(/^HTTP\/1\.1 400 /)
  for (const [name, value] of Object.entries(EVERYWHERE)) {
    expect(text.toLowerCase()).toContain(`\r\n${name}: ${value}\r\n`)
  }
})
