/**
 * Bytes that are no HTTP, that two readers of HTTP could read as different requests, or that few
 * clients send; and what becomes of them, on either runtime. Whoever parses HTTP is not ours: this
 * table says what is true of it, and why that does no harm.
 */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { bytesOf, type Request } from './requests.ts'

/**
 * `problem`: 400 as problem+json, and the end of the connection; `too large`: the same with 431;
 * `declined`: 400 without the end. `cut`: the end. `served`: taken as HTTP, and answered by the
 * rules of the app.
 */
export type Verdict = 'problem' | 'too large' | 'declined' | 'cut' | 'served'

export interface Sent {
  /** What the bytes are called in the table. */
  name: string
  /** Good requests before them on the same connection. */
  before: Request[]
  bytes: Buffer
  /** How a reader would have to take them that takes them for HTTP. */
  request: Request
  /** Our side ends after the last byte. */
  ends?: boolean
  /** What must not be in an answer. */
  never?: string
}

interface Row {
  verdicts: Verdict[]
  /** Where it isn't a refusal: why that does no harm. */
  why?: string
  make: (world: World) => fc.Arbitrary<Omit<Sent, 'name' | 'before'>>
}

export interface World {
  users: number[]
  /** Nobody may ever touch this user. */
  canary: number
}

const HOST = 'Host: ledger\r\n'
const JSON_TYPE = 'Content-Type: application/json\r\n'
const BODY = '{"amount":1}'

/** A request that is never meant to be one. */
const smuggled = ({ canary }: World) =>
  `POST /users/${canary}/credit HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 17\r\n\r\n` +
  '{"amount":"7.77"}'

const raw = (text: string) => Buffer.from(text, 'latin1')
const chunks = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`

const header = fc.tuple(
  fc.constantFrom('X-A', 'x-b', 'Accept', 'User-Agent', 'Cookie', 'TE'),
  fc.stringMatching(/^[!-~]{0,20}$/),
).map(([name, value]) => `${name}: ${value}\r\n`)
const headers = fc.array(header, { maxLength: 3 }).map((lines) => lines.join(''))

const anyCase = (text: string) =>
  fc.constantFrom(text, text.toLowerCase(), text.toUpperCase(), text.replace(/-./, (c) => c))

interface Credit {
  user: number
  some: string
  more: string
}

const credit = ({ users }: World): fc.Arbitrary<Credit> =>
  fc.record({ user: fc.constantFrom(...users), some: headers, more: headers })

const lineOf = ({ user }: Credit) => `POST /users/${user}/credit HTTP/1.1\r\n`
const requestOf = ({ user }: Credit): Request => ({
  method: 'POST',
  target: `/users/${user}/credit`,
  headers: [],
})

/**
 * A credit with these header lines in the middle of others, and what comes after the empty line.
 */
const creditWith = (
  lines: (world: World, body: string) => string[],
  bodies: (world: World) => string[] = () => [BODY],
): Row['make'] =>
(world) =>
  credit(world).chain((one) =>
    fc.tuple(...bodies(world).map((body) => fc.constant(body))).chain((all) =>
      fc.constantFrom(...all).chain((body) =>
        fc.constantFrom(...lines(world, body)).map((line) => ({
          bytes: raw(
            `${lineOf(one)}${HOST}${JSON_TYPE}${one.some}${line}\r\n${one.more}\r\n${body}`,
          ),
          request: requestOf(one),
        }))
      )
    )
  )

/** These bytes, each with a request that they stand for. */
const texts = (
  make: (world: World, some: string) => [string, Partial<Request>?][],
  more: Partial<Sent> = {},
): Row['make'] =>
(world) =>
  headers.chain((some) =>
    fc.constantFrom(...make(world, some)).map(([text, request]) => ({
      bytes: raw(text),
      request: { method: 'GET', target: '/livez', headers: [], ...request },
      ...more,
    }))
  )

const live = (lines: string) => `GET /livez HTTP/1.1\r\n${HOST}${lines}\r\n`
const repeated = (text: string, min: number, max: number) =>
  fc.integer({ min, max }).map((times) => text.repeat(times))

const REFUSED = { verdicts: ['problem'] } satisfies Partial<Row>
const SERVED = { verdicts: ['served'] } satisfies Partial<Row>

export const MALFORMED: Record<string, Row> = {
  'Content-Length and Transfer-Encoding': {
    ...REFUSED,
    make: (world) =>
      creditWith(
        (_, body) =>
          ['chunked', 'Chunked', 'identity'].flatMap((coding) => [
            `Content-Length: ${body.length}\r\nTransfer-Encoding: ${coding}`,
            `Transfer-Encoding: ${coding}\r\nContent-Length: 4`,
            `transfer-encoding:${coding}\r\ncontent-length:0`,
          ]),
        () => [`0\r\n\r\n${smuggled(world)}`, chunks(smuggled(world)), chunks(BODY)],
      )(world),
  },
  'two Content-Length that differ': {
    ...REFUSED,
    make: creditWith(
      (_, body) => [
        `Content-Length: 12\r\nContent-Length: ${body.length}`,
        `Content-Length: ${body.length}\r\nX-A: b\r\ncontent-length: 12`,
        `Content-Length: 0\r\nContent-Length: ${body.length}`,
      ],
      (world) => [BODY + smuggled(world)],
    ),
  },
  'the same Content-Length twice': {
    verdicts: ['problem'],
    why: 'RFC 9112 lets a server take them as one',
    make: creditWith(() => ['Content-Length: 12\r\nContent-Length: 12']),
  },
  'Content-Length that is no number': {
    ...REFUSED,
    make: creditWith(
      () =>
        ['12, 12', '12,0', '+12', '-12', '0x0c', '1e1', '12.0', '1 2', '', 'x', '"12"', '12;']
          .concat(['99999999999999999999', '18446744073709551628', '\xb2'])
          .map((length) => `Content-Length: ${length}`),
      (world) => [BODY, BODY + smuggled(world)],
    ),
  },
  'Transfer-Encoding that is not chunked in the end': {
    ...REFUSED,
    make: creditWith(
      () =>
        [
          'gzip',
          'identity',
          'xchunked',
          'chunkedx',
          'chunked, identity',
          'chunked, gzip',
          '"chunked"',
        ]
          .concat(['chunked;q=1', '\x0bchunked', 'chunked\x00'])
          .map((coding) => `Transfer-Encoding: ${coding}`)
          .concat('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity'),
      (world) => [chunks(BODY), `0\r\n\r\n${smuggled(world)}`],
    ),
  },
  'an empty Transfer-Encoding': {
    verdicts: ['served'],
    why: 'it is taken for none at all, so nothing follows but what is no HTTP',
    make: creditWith(() => ['Transfer-Encoding: '], () => [chunks(BODY)]),
  },
  'chunked twice': {
    ...REFUSED,
    make: creditWith(
      () =>
        ['Transfer-Encoding: chunked, chunked'].concat(
          'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
        ),
      (world) => [chunks(BODY), `0\r\n\r\n${smuggled(world)}`],
    ),
  },
  'a coding before chunked': {
    ...SERVED,
    why: 'its bytes are taken as they are, and are no JSON then',
    make: creditWith(() => ['Transfer-Encoding: gzip, chunked'], () => [chunks('\x1f\x8b\x08')]),
  },
  'Transfer-Encoding written in other ways': {
    ...SERVED,
    why: 'these mean the same to everybody',
    make: (world) =>
      anyCase('Transfer-Encoding').chain((name) =>
        creditWith(
          () => [`${name}:chunked`, `${name}:\tchunked`, `${name}:  CHUNKED  `],
          () => [chunks(BODY)],
        )(world)
      ),
  },
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
  'chunk sizes that are none': {
    ...REFUSED,
    make: creditWith(
      () => ['Transfer-Encoding: chunked'],
      (world) =>
        [
          '0xc',
          '-c',
          '+c',
          'c_',
          'xyz',
          '',
          'c.0',
          '1000000000000000c',
          'ffffffffffffffffff',
          '\xb2',
        ]
          .map((size) => `${size}\r\n${BODY}\r\n0\r\n\r\n${smuggled(world)}`),
    ),
  },
  'chunks that are longer or shorter than they say': {
    ...REFUSED,
    make: creditWith(
      () => ['Transfer-Encoding: chunked'],
      (world) => [
        `a\r\n${BODY}\r\n0\r\n\r\n${smuggled(world)}`,
        `c\r\n${BODY}xx0\r\n\r\n${smuggled(world)}`,
        `1\r\n${BODY}\r\n0\r\n\r\n${smuggled(world)}`,
        `d\r\n${BODY}\r\n0\r\n\r\n${smuggled(world)}`,
      ],
    ),
  },
  'chunk extensions with line ends in them': {
    ...REFUSED,
    make: creditWith(
      () => ['Transfer-Encoding: chunked'],
      (world) => [
        `c;a\n${BODY}\r\n0\r\n\r\n${smuggled(world)}`,
        `c;a="\n"\r\n${BODY}\r\n0\r\n\r\n`,
        `c;\rx\n${BODY}\r\n0\r\n\r\n`,
      ],
    ),
  },
  'chunk extensions': {
    ...SERVED,
    why: 'nobody needs them, and they may be there',
    make: creditWith(
      () => ['Transfer-Encoding: chunked'],
      () => [`c;a=b\r\n${BODY}\r\n0;c="d"\r\n\r\n`, `c;a\r\n${BODY}\r\n0\r\n\r\n`],
    ),
  },
  'trailers': {
    ...SERVED,
    why: 'they are read and thrown away: a key there is none',
    make: (world) =>
      creditWith(
        () => ['Transfer-Encoding: chunked'],
        () => [`c\r\n${BODY}\r\n0\r\nX-A: b\r\nIdempotency-Key: trailing\r\n\r\n`],
      )(world).map((sent) => ({ ...sent, never: 'trailing' })),
  },
  'trailers about the length': {
    verdicts: ['problem'],
    make: creditWith(
      () => ['Transfer-Encoding: chunked'],
      () => [`c\r\n${BODY}\r\n0\r\nContent-Length: 99\r\n\r\n`],
    ),
  },
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
  'chunks in HTTP/1.0': {
    verdicts: ['served'],
    why: 'they are read as in HTTP/1.1, and the connection is closed after',
    make: (world) =>
      credit(world).map((one) => ({
        bytes: raw(
          `POST /users/${one.user}/credit HTTP/1.0\r\n${HOST}${JSON_TYPE}` +
            `Transfer-Encoding: chunked\r\n\r\n${chunks(BODY)}`,
        ),
        request: requestOf(one),
      })),
  },
  'requests in bodies that nobody reads': {
    ...SERVED,
    why: 'a body ends where its length says, whatever became of its request',
    make: (world) => {
      const hidden = smuggled(world)
      const to = (method: string, target: string, type: string): [string, Partial<Request>][] => {
        const line = `${method} ${target} HTTP/1.1\r\n${HOST}Content-Type: ${type}\r\n`
        return [
          [`${line}Content-Length: ${hidden.length}\r\n\r\n${hidden}`, { method, target }],
          [`${line}Transfer-Encoding: chunked\r\n\r\n${chunks(hidden)}`, { method, target }],
        ]
      }
      return texts(() => [
        ...to('GET', '/livez', 'application/json'),
        ...to('GET', `/users/${world.users[0]}`, 'text/plain'),
        ...to('POST', '/nothing', 'application/json'),
        ...to('POST', '/livez', 'application/json'),
        ...to('PUT', `/users/${world.users[0]}/credit`, 'application/json'),
        ...to('POST', '/users/x/credit', 'application/json'),
        ...to('POST', `/users/${world.users[0]}/credit`, 'text/plain'),
        ...to('POST', `/users/${world.users[0]}/credit`, 'application/json'),
        ...to('DELETE', '/debits', 'application/json'),
      ])(world)
    },
  },
  'a request after one that closes the connection': {
    ...SERVED,
    why: 'nobody waits for an answer to it',
    make: (world) =>
      texts((_, some) => [
        [`${live(`Connection: close\r\n${some}`)}${smuggled(world)}`],
        [`GET /livez HTTP/1.0\r\n${HOST}${some}\r\n${smuggled(world)}`],
      ])(world),
  },
  'one that waits for 100 Continue': {
    ...SERVED,
    why: 'it may send its body before, too',
    make: creditWith(() => ['Expect: 100-continue\r\nContent-Length: 12']),
  },
  'half-closed': {
    ...SERVED,
    why: 'who has said all there is may still listen',
    make: (world) =>
      creditWith(() => ['Content-Length: 12'])(world).map((sent) => ({ ...sent, ends: true })),
  },
  'cut off': {
    verdicts: ['problem', 'cut'],
    make: (world) =>
      fc.tuple(creditWith(() => ['Content-Length: 12'])(world), fc.nat()).map(([sent, at]) => ({
        ...sent,
        bytes: sent.bytes.subarray(0, at % sent.bytes.length),
        ends: true,
        never: '"entry"',
      })),
  },
  'chunks that never end': {
    verdicts: ['problem'],
    make: (world) =>
      creditWith(
        () => ['Transfer-Encoding: chunked'],
        () => [`c\r\n${BODY}\r\n`, `c\r\n${BODY}`, `ff\r\n${BODY}`, `c\n${BODY}\n0\n\n`],
      )(world).map((sent) => ({ ...sent, ends: true, never: '"entry"' })),
  },
  'one after the other without waiting': {
    ...SERVED,
    why: 'each gets its answer, in order',
    make: (world) => creditWith(() => ['Content-Length: 12'])(world),
  },
}

const LIVE: Request = { method: 'GET', target: '/livez', headers: [['Host', 'ledger']] }
const NOTHING: Request = { ...LIVE, method: 'HEAD', target: '/nothing' }

/** A kind of the table, after good requests, of which one may be a write. */
export const malformed = (world: World): fc.Arbitrary<Sent> =>
  fc.constantFrom(...Object.keys(MALFORMED)).chain((name) =>
    fc.record({
      sent: MALFORMED[name]!.make(world),
      before: fc.oneof<fc.MaybeWeightedArbitrary<Request[]>[]>(
        { weight: 2, arbitrary: fc.constant([]) },
        {
          weight: 1,
          arbitrary: fc.array(fc.constantFrom(LIVE, NOTHING), { minLength: 1, maxLength: 5 }),
        },
      ),
    }).map(({ sent, before }) => ({ name, before, ...sent }))
  )

/** All bytes of it, in one go. */
export const bytesOfAll = ({ before, bytes }: Sent): Buffer =>
  Buffer.concat([...before.map((request) => bytesOf(request)), bytes])
