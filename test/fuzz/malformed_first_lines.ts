/** First lines that are hardly HTTP. */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { HOST, live, raw, REFUSED, repeated, type Row, SERVED, texts } from './hardly_http.ts'

export const FIRST_LINES: Record<string, Row> = {
  'a target with control characters or spaces': {
    ...REFUSED,
    make: texts((_, some) =>
      ['/livez\0', '/\0', '/li\x01vez', '/li vez', '/livez\x7f', '/\x0blivez'].map((target) => [
        `GET ${target} HTTP/1.1\r\n${HOST}${some}\r\n`,
      ])
    ),
  },
  'a target in UTF-8': {
    verdicts: ['problem'],
    make: texts((_, some) =>
      ['/liv\xc3\xa9', '/\xf0\x9f\x98\x80'].map((target) => [
        `GET ${target} HTTP/1.1\r\n${HOST}${some}\r\n`,
        { target: '/nothing' },
      ])
    ),
  },
  'a target that is no UTF-8': {
    ...REFUSED,
    make: texts((_, some) =>
      ['/users/\xe9', '/\xff', '/\xc0\xaf', '/\xed\xa0\x80'].map((target) => [
        `GET ${target} HTTP/1.1\r\n${HOST}${some}\r\n`,
      ])
    ),
  },
  'first lines that are none': {
    ...REFUSED,
    make: texts((_, some) =>
      ['GET\t/livez\tHTTP/1.1', 'GET /livez HTTP/1.2', 'GET /livez HTTP/9.9', 'GET']
        .concat(['GET /livez HTTP/01.1', 'GET /livez http/1.1', 'GET /livez HTTP/1.1 x', '/livez'])
        .concat(['GET livez HTTP/1.1', 'GET ?x HTTP/1.1', 'GET HTTP/1.1', '(GET) /livez HTTP/1.1'])
        .concat(['GET /livez HTTP/', 'GET /livez HTTP/1', '{"amount":1}', 'GET \\livez HTTP/1.1'])
        .map((line) => [`${line}\r\n${HOST}${some}\r\n`])
    ),
  },
  'no version in the first line': {
    verdicts: ['served'],
    why: 'it is answered as HTTP/1.0 is, which closes the connection',
    make: texts((_, some) => [[`GET /livez\r\n${HOST}${some}\r\n`]]),
  },
  'two spaces in the first line': {
    verdicts: ['served'],
    why: 'they are skipped before the target, where nothing else can be meant',
    make: texts((_, some) => [[`GET  /livez HTTP/1.1\r\n${HOST}${some}\r\n`]]),
  },
  'HTTP/2.0 in the first line': {
    verdicts: ['served'],
    why: 'it is read on as HTTP/1.1',
    make: texts((_, some) => [[`GET /livez HTTP/2.0\r\n${HOST}${some}\r\n`]]),
  },
  'methods that nobody knows': {
    verdicts: ['problem'],
    make: texts((_, some) =>
      ['get', 'FOO', 'G', 'GETT', 'X'.repeat(100), 'TRACK'].map((method) => [
        `${method} /livez HTTP/1.1\r\n${HOST}${some}\r\n`,
        { method: 'FOO' },
      ])
    ),
  },
  'empty lines before the first': {
    ...SERVED,
    why: 'RFC 9112 wants them skipped',
    make: texts((_, some) => [[`\r\n${live(some)}`], [`\r\n\r\n${live(some)}`]]),
  },
  'garbage': {
    verdicts: ['problem', 'cut'],
    why: 'too little of it is nothing at all',
    make: () =>
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        fc.constantFrom(
          raw('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'),
          raw('SSH-2.0-OpenSSH_9.9\r\n'),
          raw('EHLO x\r\n'),
          raw('*1\r\n$4\r\nPING\r\n'),
          Buffer.alloc(2_000, 0xff),
          Buffer.alloc(2_000),
        ),
      ).map((bytes) => ({
        bytes,
        request: { method: 'GET', target: '/', headers: [] },
        ends: true,
      })),
  },
  'a first line that is too long': {
    verdicts: ['too large'],
    make: () =>
      repeated('x', 16_400, 150_000).map((long) => ({
        bytes: raw(`GET /livez?${long} HTTP/1.1\r\n${HOST}\r\n`),
        request: { method: 'GET', target: '/livez', headers: [] },
      })),
  },
}
