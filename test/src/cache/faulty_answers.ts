/** Answers of a Redis that doesn't work as it should. */
import type { IncomingMessage, ServerResponse } from 'node:http'

const MEBIBYTE = 1024 * 1024
export const EMPTY = '[{"result":[]}]'
type Answer = (request: IncomingMessage, response: ServerResponse) => void

export const says =
  (status: number, body: string, headers: Record<string, string> = {}): Answer =>
  (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  }

/** Sends without an end, as fast as it is read. */
const floods: Answer = (_, response) => {
  const chunk = Buffer.alloc(MEBIBYTE, 'x')
  response.writeHead(200, { 'content-type': 'application/json' })
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', more).on('error', () => {})
  response.write('[{"result":["')
  more()
}

export const FAULTS: [string, Answer][] = [
  ['cuts the connection', (request) => request.socket.destroy()],
  ['never answers', () => {}],
  ['stops in the middle', (_, response) => void response.write('[{"result":')],
  ['answers 500', says(500, '{"error":"ERR no"}')],
  ['answers 401', says(401, '{"error":"Unauthorized"}')],
  ['answers 200 with a page', says(200, '<html>Welcome</html>', { 'content-type': 'text/html' })],
  ['answers 502 with a page', says(502, '<html>Bad gateway</html>')],
  ['answers 500 with replies', says(500, EMPTY)],
  [
    'redirects',
    (request, response) =>
      request.url === '/elsewhere'
        ? says(200, EMPTY)(request, response)
        : says(307, '', { location: '/elsewhere' })(request, response),
  ],
  ['answers nothing', says(200, '')],
  ['answers null', says(200, 'null')],
  ['answers an object', says(200, '{"result":[]}')],
  ['answers too few', says(200, '[]')],
  ['answers too many', says(200, '[{"result":[]},{"result":[]},{"result":[]},{"result":[]}]')],
  ['answers nulls', says(200, '[null,null,null]')],
  ['answers wide JSON', says(200, `[${'{"a":0},'.repeat(MEBIBYTE / 2)}{}]`)],
  ['answers deep JSON', says(200, '['.repeat(3 * MEBIBYTE))],
  ['answers deep JSON that ends', says(200, '['.repeat(MEBIBYTE) + ']'.repeat(MEBIBYTE))],
  ['answers 16 MiB', says(200, `[{"result":["${'x'.repeat(16 * MEBIBYTE)}"]}]`)],
  ['answers without an end', floods],
]

/** Answers of the right form that say something odd; the breaker has no part in these. */
export const ODD: [string, unknown, 'miss' | 'bypass', string][] = [
  ['an error', { error: 'LOADING Redis is loading the dataset in memory' }, 'bypass', 'read'],
  ['a string', { result: 'OK' }, 'bypass', 'read'],
  ['no result', {}, 'bypass', 'read'],
  ['null', { result: null }, 'bypass', 'read'],
  ['nested', { result: [[[]], '1'] }, 'bypass', 'read'],
  ['one part', { result: ['x'] }, 'bypass', 'read'],
  ['objects', { result: [{ toString: 1 }, { valueOf: 1 }] }, 'bypass', 'read'],
  ['a large text', { result: ['x'.repeat(60_000), '1'] }, 'miss', 'parse'],
  ['many numbers', { result: Array.from({ length: 30_000 }, () => 1) }, 'bypass', 'read'],
]
