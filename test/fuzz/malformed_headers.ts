/** Header lines that are hardly HTTP, and hosts that mislead. */
import fc from 'fast-check'
import {
  BODY,
  chunks,
  credit,
  creditWith,
  HOST,
  JSON_TYPE,
  lineOf,
  live,
  raw,
  REFUSED,
  repeated,
  requestOf,
  type Row,
  SERVED,
  smuggled,
  texts,
} from './hardly_http.ts'

export const HEADERS: Record<string, Row> = {
  'header names that are none': {
    ...REFUSED,
    make: creditWith(
      () =>
        ['Transfer-Encoding : chunked', 'Content-Length : 12', ' X-A: b', 'X A: b', ': b', 'X-A']
          .concat(['(X): b', 'X\xe9: b', 'X\0: b', 'X\x7f: b', '"X": b', 'X@: b']),
      (world) => [chunks(BODY), smuggled(world)],
    ),
  },
  'header lines that go on in the next': {
    ...REFUSED,
    make: creditWith(
      () => ['Transfer-Encoding:\r\n chunked', 'X-A: b\r\n\tc', 'Content-Length: 1\r\n 2'],
      (world) => [chunks(BODY), smuggled(world)],
    ),
  },
  'control characters in header values': {
    ...REFUSED,
    make: (world) =>
      fc.constantFrom('\0', '\x01', '\x08', '\x0b', '\x0e', '\x1f', '\x7f', '\r').chain((char) =>
        creditWith(() => [`X-A: b${char}c\r\nContent-Length: 12`, `Content-Length: 12${char}`])(
          world,
        )
      ),
  },
  'lines that end with LF alone': {
    verdicts: ['problem'],
    why: 'RFC 9112 lets a server take LF for the end of a line, if it does so everywhere',
    make: texts((_, some) => [[live(some).replaceAll('\r\n', '\n')], [
      `GET /livez HTTP/1.1\n${HOST}\r\n`,
    ]]),
  },
  'a header that is too long': {
    verdicts: ['too large'],
    make: () =>
      repeated('x', 16_400, 150_000).map((long) => ({
        bytes: raw(live(`X-A: ${long}\r\n`)),
        request: { method: 'GET', target: '/livez', headers: [] },
      })),
  },
  'thousands of header lines': {
    verdicts: ['served'],
    why: 'any number in 16 KiB is taken, and each of them counts',
    make: (world) =>
      fc.tuple(
        credit(world),
        fc.oneof(repeated('a:\r\n', 200, 1_000), repeated('a:\r\n', 2_010, 3_000)),
      ).map(([one, many]) => ({
        bytes: raw(
          // What is counted first is there; without the last line it would be a good credit.
          `${lineOf(one)}${HOST}${JSON_TYPE}Content-Length: 12\r\n${many}` +
            `Idempotency-Key: a b\r\n\r\n${BODY}`,
        ),
        request: requestOf(one),
        never: '"entry"',
      })),
  },
  'no Host': {
    verdicts: ['declined'],
    why: 'nothing here depends on it',
    make: texts((_, some) => [
      [`GET /livez HTTP/1.1\r\n${some}\r\n`],
      [`GET /livez HTTP/1.1\r\nHost:\r\n${some}\r\n`],
    ]),
  },
  'no Host in HTTP/1.0': {
    ...SERVED,
    why: "there it needn't be, and checks of health come without",
    make: texts(() => [['GET /livez HTTP/1.0\r\n\r\n'], ['GET /livez HTTP/1.0\r\nX-A: b\r\n\r\n']]),
  },
  'two Host': {
    verdicts: ['served'],
    why: 'the first is taken, and nothing here depends on it',
    make: texts((_, some) => [[live(`Host: elsewhere\r\n${some}`)]]),
  },
  'a Host with a path or more': {
    verdicts: ['declined'],
    make: texts(({ canary }, some) =>
      [
        'x/livez?',
        'x/livez#',
        `x/users/${canary}?`,
        'a b',
        'u:p@x',
        '%',
        '[::1',
        'x/',
        'x?',
        'x#',
        '<',
      ]
        .map((host) => [`GET /nothing HTTP/1.1\r\nHost: ${host}\r\n${some}\r\n`])
    ),
  },
  'a Host that leads to another route': {
    verdicts: ['declined'],
    make: (world) =>
      credit(world).map((one) => ({
        bytes: raw(
          `POST /nothing HTTP/1.1\r\nHost: x/users/${world.canary}/credit?\r\n${JSON_TYPE}` +
            `${one.some}Content-Length: 12\r\n\r\n${BODY}`,
        ),
        request: { method: 'POST', target: '/nothing', headers: [] },
      })),
  },
  'a target with a host': {
    ...SERVED,
    why: 'a proxy may send it; its path counts',
    make: texts((_, some) => [
      [`GET http://elsewhere/livez HTTP/1.1\r\n${HOST}${some}\r\n`],
      [`GET http://elsewhere:1/nothing?x HTTP/1.1\r\n${HOST}${some}\r\n`, { target: '/nothing' }],
      [`GET http://elsewhere HTTP/1.1\r\n${HOST}${some}\r\n`, { target: '/' }],
    ]),
  },
  'CONNECT and OPTIONS *': {
    verdicts: ['problem', 'declined'],
    make: texts((_, some) => [
      [`OPTIONS * HTTP/1.1\r\n${HOST}${some}\r\n`, { method: 'OPTIONS', target: '/nothing' }],
      [`CONNECT ledger:80 HTTP/1.1\r\n${HOST}${some}\r\n`, {
        method: 'CONNECT',
        target: '/nothing',
      }],
    ]),
  },
  'upgrades': {
    ...SERVED,
    why: 'they are not taken up',
    make: texts((_, some) =>
      ['websocket', 'h2c', 'TLS/1.0', 'x'].map((protocol) => [
        live(`${some}Connection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\n`),
      ])
    ),
  },
}
