/** What no well-behaved client sends, on raw connections. */
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  expectNothingWritten,
  PINNED_PROBLEMS,
  type PinnedCode,
  useHttp,
} from '../../support/http.ts'
import { historyOf } from '../../support/ledger.ts'

const http = useHttp()

const HOST = 'Host: ledger\r\n'
const JSON_TYPE = 'Content-Type: application/json\r\n'
const BODY = '{"amount":1}'
const CLOSE = 'Connection: close\r\n'
const DEBIT = `POST /users/1/debit HTTP/1.1\r\n${HOST}${JSON_TYPE}`
const LIVE = `GET /livez HTTP/1.1\r\n${HOST}${CLOSE}\r\n`

interface RawAnswer {
  status: number
  headers: string
  body: string
}

/** Splits what came on a connection into answers; all of ours have a Content-Length. */
function answersIn(received: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = received; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n') + 4
    const headers = rest.slice(0, end)
    const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(headers)?.[1])
    if (end < 4 || Number.isNaN(status)) throw new Error(`not an answer: ${rest}`)
    const length = Number(/^content-length: (\d+)/im.exec(headers)?.[1] ?? 0)
    if (rest.length < end + length) throw new Error(`half an answer: ${rest}`)
    answers.push({ status, headers, body: rest.slice(end, end + length) })
    rest = rest.slice(end + length)
  }
  return answers
}

interface SendOptions {
  /** Ends our side after the last byte. */
  half?: boolean
  /** Resets the connection once all is sent. */
  reset?: boolean
  /** Ends the wait after so many answers; else when the server closes. */
  answers?: number
}

/** Sends bytes as they are and resolves with what came until the connection was closed. */
function send(data: string | Uint8Array, options: SendOptions = {}): Promise<RawAnswer[]> {
  const { hostname, port } = new URL(http.service.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let received = ''
    const answers = () => answersIn(received)
    const finish = () => {
      try {
        resolve(answers())
      } catch (error) {
        reject(error)
      }
    }
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text
      try {
        if (answers().length >= (options.answers ?? Infinity)) socket.destroy()
      } catch {
        // Not all of it yet.
      }
    })
    // A server that has seen enough may reset what we still send.
    socket.on('error', () => {})
    socket.on('close', finish)
    socket.on('connect', () => {
      socket.write(data, () => {
        if (options.half) socket.end()
        if (options.reset) socket.resetAndDestroy()
      })
    })
  })
}

const problem = (code: PinnedCode, details: object = {}) => {
  const [status, title] = PINNED_PROBLEMS[code]
  return JSON.stringify({ type: `/docs#${code}`, title, status, code, ...details })
}
const errors = (message: string, path = '') => ({ errors: [{ path, message }] })

/** One answer, of the app. */
function expectApp(answers: RawAnswer[], code: PinnedCode, details: object = {}): void {
  expect(answers).toHaveLength(1)
  expect(answers[0]!.body).toBe(problem(code, details))
  expect(answers[0]!.status).toBe(PINNED_PROBLEMS[code][0])
  expect(answers[0]!.headers.toLowerCase()).toContain(
    '\r\ncontent-type: application/problem+json\r\n',
  )
}

/** One answer, of whoever parses HTTP, and the end of the connection. */
function expectParser(
  answers: RawAnswer[],
  status = 400,
  message = 'The request is not valid HTTP.',
): void {
  expect(answers).toHaveLength(1)
  const details = { ...JSON.parse(problem('invalid_request', errors(message))), status }
  expect(JSON.parse(answers[0]!.body)).toEqual(details)
  expect(answers[0]!.status).toBe(status)
  expect(answers[0]!.headers.toLowerCase()).toContain(
    '\r\ncontent-type: application/problem+json\r\n',
  )
}

const expectRefused = (data: string | Uint8Array, options?: SendOptions) =>
  expectNothingWritten(http, () => send(data, options))

beforeAll(async () => {
  await http.sql`select credit_user(1, 100)`
})

async function expectAliveAndQuiet(): Promise<void> {
  expect(await send(LIVE)).toMatchObject([{ status: 200, body: '{"status":"live"}' }])
  expect(http.logged.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([])
}

afterEach(expectAliveAndQuiet)

test('NUL bytes in the path and in a header', async () => {
  expectParser(await expectRefused(`GET /users/1\0 HTTP/1.1\r\n${HOST}\r\n`))
  expectParser(await expectRefused(`GET /users/1 HTTP/1.1\r\n${HOST}X-A: a\0b\r\n\r\n`))
  expectParser(
    await expectRefused(`${DEBIT}Idempotency-Key: a\0\r\nContent-Length: 12\r\n\r\n${BODY}`),
  )
})

test('NUL bytes in the body', async () => {
  const body = '{"amount":\x001}'
  const head = `${DEBIT}${CLOSE}Content-Length: ${body.length}\r\n\r\n`
  expectApp(await expectRefused(head + body), 'invalid_request', errors('must be JSON in UTF-8'))
})

test('numbers of 40 digits and members given twice', async () => {
  const rows = [
    [`{"amount":${'1'.repeat(40)}}`, 'has more digits than can be read exactly'],
    [`{"amount":0.${'1'.repeat(40)}}`, 'has more digits than can be read exactly'],
    ['{"amount":1,"amount":2}', 'is given twice'],
  ]
  for (const [body, message] of rows) {
    const head = `${DEBIT}${CLOSE}Content-Length: ${body!.length}\r\n\r\n`
    expectApp(await expectRefused(head + body), 'invalid_request', errors(message!, 'amount'))
  }
})

test('a body cut in the middle by one who still listens', async () => {
  const cut = await expectRefused(`${DEBIT}Content-Length: 100\r\n\r\n${BODY}`, { half: true })
  expectParser(cut)
})

test('a body cut in the middle by one who is gone', async () => {
  await expectRefused(`${DEBIT}Content-Length: 100\r\n\r\n${BODY}`, { reset: true })
  await expectRefused(`${DEBIT}Transfer-Encoding: chunked\r\n\r\nc\r\n${BODY}\r\n`, { reset: true })
})

test('a head cut in the middle', async () => {
  const answers = await expectRefused(DEBIT, { half: true })
  expectParser(answers)
})

test('two Content-Length', async () => {
  const differing = `${DEBIT}Content-Length: 12\r\nContent-Length: 11\r\n\r\n${BODY}`
  expectParser(await expectRefused(differing))
  const same = `${DEBIT}${CLOSE}Content-Length: 12\r\nContent-Length: 12\r\n\r\n${BODY}`
  expectParser(await expectRefused(same))
})

test('Content-Length with Transfer-Encoding, and lengths that are none', async () => {
  const chunked = `\r\nc\r\n${BODY}\r\n0\r\n\r\n`
  const heads = [
    `Content-Length: 12\r\nTransfer-Encoding: chunked\r\n${chunked}`,
    `Transfer-Encoding: chunked\r\nContent-Length: 12\r\n${chunked}`,
    `Transfer-Encoding: gzip\r\n\r\n${BODY}`,
    `Content-Length: -1\r\n\r\n${BODY}`,
    `Content-Length: 1e1\r\n\r\n${BODY}`,
    `Content-Length: 99999999999999999999\r\n\r\n${BODY}`,
  ]
  for (const head of heads) expectParser(await expectRefused(DEBIT + head))
})

test('chunks that are none', async () => {
  const answers = await expectRefused(`${DEBIT}Transfer-Encoding: chunked\r\n\r\nzz\r\n${BODY}`)
  expectParser(answers)
})

test('5 MB', async () => {
  const size = 5_000_000
  const blank = ' '.repeat(size)
  const answer = { answers: 1 }
  const whole = await expectRefused(`${DEBIT}Content-Length: ${size}\r\n\r\n${blank}`, answer)
  expectApp(whole, 'payload_too_large')
  const chunk = `186a0\r\n${' '.repeat(100_000)}\r\n`.repeat(50)
  const chunked = `${DEBIT}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`
  expectApp(await expectRefused(chunked, answer), 'payload_too_large')
  const nowhere = `POST /nothing HTTP/1.1\r\n${HOST}Content-Length: ${size}\r\n\r\n${blank}`
  expectApp(await expectRefused(nowhere, answer), 'not_found')
  // One who waits for a word before sending it gets the answer instead.
  const asking = `${DEBIT}Expect: 100-continue\r\nContent-Length: ${size}\r\n\r\n`
  const [first] = await expectRefused(asking, answer)
  expect([100, 413]).toContain(first!.status)
})

test('a path of 10 kB', async () => {
  const refused = await expectRefused(
    `GET /users/${'1'.repeat(10_000)} HTTP/1.1\r\n${HOST}${CLOSE}\r\n`,
  )
  expectApp(refused, 'invalid_request', errors('must be digits, from 1 to 9007199254740991', 'id'))
  const nothing = await expectRefused(`GET /${'x'.repeat(10_000)} HTTP/1.1\r\n${HOST}${CLOSE}\r\n`)
  expectApp(nothing, 'not_found')
})

test('100 kB of headers', async () => {
  const long = 'a'.repeat(100_000)
  const lines = [`X-A: ${long}\r\n`, `Idempotency-Key: ${long}\r\n`, 'X-A: a\r\n'.repeat(12_500)]
  for (const line of lines) {
    const answers = await expectRefused(`${DEBIT}${line}\r\n`)
    expectParser(answers, 431, 'The head must be at most 16384 bytes.')
  }
})

test('garbage instead of HTTP', async () => {
  const hello = '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'
  const lines = [
    'hello there\r\n\r\n',
    '\r\n\r\nGET\r\n\r\n',
    '{"amount":1}\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
  ]
  for (const data of [Buffer.from(hello, 'latin1'), ...lines, Buffer.alloc(2000, 0xff)]) {
    expectParser(await expectRefused(data))
  }
})

test('bytes in the path that are no ASCII', async () => {
  expectParser(
    await expectRefused(Buffer.from(`GET /users/\xe9 HTTP/1.1\r\n${HOST}\r\n`, 'latin1')),
  )
})

test('a Host that is none', async () => {
  const to = (host: string) => expectRefused(`GET /nothing HTTP/1.1\r\n${host}${CLOSE}\r\n`)
  const refused = errors('The request is not valid HTTP.')
  for (const host of ['', 'Host: \r\n']) {
    expectApp(await to(host), 'invalid_request', refused)
  }
  for (const host of ['a b', '%', 'u:p@ledger', 'ledger/', 'ledger:x']) {
    expectApp(await to(`Host: ${host}\r\n`), 'invalid_request', refused)
  }
  for (const host of ['ledger', 'ledger:3000', '127.0.0.1:3000', '[::1]:3000', 'LEDGER.']) {
    expectApp(await to(`Host: ${host}\r\n`), 'not_found')
  }
})

test('a Host with a path in it does not lead there', async () => {
  for (
    const host of ['ledger/livez?', 'ledger/livez#', 'ledger/users/1/credit?', 'ledger?', '/livez?']
  ) {
    for (const method of ['GET', 'POST']) {
      const head = `${method} /nothing HTTP/1.1\r\nHost: ${host}\r\n${JSON_TYPE}${CLOSE}`
      const answers = await expectRefused(`${head}Content-Length: 12\r\n\r\n${BODY}`)
      expectApp(answers, 'invalid_request', errors('The request is not valid HTTP.'))
    }
  }
})

test('HTTP/1.0 without a Host is served', async () => {
  const answers = await send('GET /livez HTTP/1.0\r\n\r\n')
  expect(answers).toMatchObject([{ status: 200, body: '{"status":"live"}' }])
})

test('an Idempotency-Key after thousands of other headers counts', async () => {
  const many = 'a:\r\n'.repeat(2_500)
  const answers = await expectRefused(
    `${DEBIT}${CLOSE}${many}Idempotency-Key: a b\r\nContent-Length: 12\r\n\r\n${BODY}`,
  )
  expectApp(answers, 'invalid_idempotency_key')
})

test('targets and methods of proxies', async () => {
  const asterisk = await expectRefused(`OPTIONS * HTTP/1.1\r\n${HOST}${CLOSE}\r\n`)
  const tunnel = await expectRefused(`CONNECT ledger:80 HTTP/1.1\r\n${HOST}${CLOSE}\r\n`)
  for (const answers of [asterisk, tunnel]) expectParser(answers)
  const trace = await expectRefused(`TRACE /users/1 HTTP/1.1\r\n${HOST}${CLOSE}\r\n`)
  expectApp(trace, 'method_not_allowed')
  const absolute = `GET http://elsewhere/nothing HTTP/1.1\r\n${HOST}${CLOSE}\r\n`
  expectApp(await expectRefused(absolute), 'not_found')
})

test('an expectation that nobody knows is none', async () => {
  const body = '{"amount":0}'
  const head = `${DEBIT}${CLOSE}Expect: magic\r\nContent-Length: ${body.length}\r\n\r\n`
  const message = 'must be from 0.01 to 9999999999.99, with at most two decimals'
  expectApp(await expectRefused(head + body), 'invalid_request', errors(message, 'amount'))
})

test('two lines of Idempotency-Key, and one that is no ASCII', async () => {
  const rest = `${CLOSE}Content-Length: 12\r\n\r\n${BODY}`
  const lines = [
    'a\r\nIdempotency-Key: b',
    'a\r\nIdempotency-Key: a',
    '"a"\r\nIdempotency-Key: "a"',
    '\xe9',
    'a b',
    '',
  ]
  for (const line of lines) {
    const request = Buffer.from(`${DEBIT}Idempotency-Key: ${line}\r\n${rest}`, 'latin1')
    expectApp(await expectRefused(request), 'invalid_idempotency_key')
  }
})

test('requests one after the other without waiting are answered in order', async () => {
  const id = await http.user('10')
  const debit =
    `POST /users/${id}/debit HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 12\r\n\r\n${BODY}`
  const answers = await send(
    debit + `GET /nothing HTTP/1.1\r\n${HOST}\r\n` + debit + `GET /livez HTTP/1.1\r\n${HOST}\r\n` +
      debit + LIVE,
  )
  expect(answers.map(({ status }) => status)).toEqual([201, 404, 201, 200, 201, 200])
  expect(answers.map(({ body }) => /"balance":"(\d+\.00)"/.exec(body)?.[1]).filter(Boolean))
    .toEqual(['9.00', '8.00', '7.00'])
})

test('garbage after a request does not get in front of its answer', async () => {
  const id = await http.user('10')
  const debit =
    `POST /users/${id}/debit HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 12\r\n\r\n${BODY}`
  const answers = await send(`${debit}garbage\r\n\r\n`)
  expect(answers.map(({ status }) => status)).toEqual([201, 400])
  expect(await historyOf(http.sql, id)).toEqual(['+10.00=10.00', '-1.00=9.00'])
})

test('one who has said all and still listens gets the answer', async () => {
  const id = await http.user('10')
  const debit =
    `POST /users/${id}/debit HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 12\r\n\r\n${BODY}`
  const answers = await send(debit + debit, { half: true })
  expect(answers.map(({ status }) => status)).toEqual([201, 201])
  expect(await historyOf(http.sql, id)).toEqual(['+10.00=10.00', '-1.00=9.00', '-1.00=8.00'])
})

test('what comes after a refusal is no request, nor part of one on another connection', async () => {
  const { hostname, port } = new URL(http.service.url)
  const open = async () => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    const one = { socket, text: '' }
    socket.setEncoding('latin1').on('data', (text: string) => one.text += text)
    socket.on('error', () => {})
    await once(socket, 'connect')
    return one
  }
  const refused = [await open(), await open(), await open()]
  for (const { socket } of refused) socket.write('GET /\0 HTTP/1.1\r\n\r\n')
  await vi.waitUntil(() => refused.every(({ text }) => text.endsWith('}')), { interval: 5 })
  const others = [await open(), await open(), await open()]
  for (const { socket } of others) socket.write(`GET /livez HTTP/1.1\r\n${HOST}X-A: `)
  await expectNothingWritten(http, async () => {
    const more = `a\r\n\r\n${DEBIT}Content-Length: 12\r\n\r\n${BODY}`
    for (const { socket } of refused) socket.write(more)
    // Until the service has closed them.
    await vi.waitUntil(() => {
      for (const { socket } of refused) socket.write('\r\n')
      return refused.every(({ socket }) => socket.destroyed)
    })
    expect(others.map(({ text }) => text)).toEqual(['', '', ''])
    for (const { socket } of others) socket.write(`b\r\n${CLOSE}\r\n`)
    await Promise.all(others.map(({ socket }) => once(socket, 'end')))
  })
  for (const { socket, text } of others) {
    expect(answersIn(text)).toMatchObject([{ status: 200, body: '{"status":"live"}' }])
    socket.destroy()
  }
})

test.each<[string, (size: number) => string]>([
  ['a long name that is there twice', (size) => {
    const name = '\\u0001'.repeat(size / 6)
    return `[{"${name}":{${'"a":1,'.repeat(30)}"a":1}}]`
  }],
  ['a long name that is unknown', (size) => `[{"${'\\"'.repeat(size / 2)}":1}]`],
  [
    'many names that are unknown',
    (size) => `[{${Array.from({ length: size / 12 }, (_, n) => `"a${n}":1`).join(',')}}]`,
  ],
  ['many items that are wrong', (size) => `[${'[],'.repeat(size / 3)}[]]`],
  ['faults under long names inside of one another', (size) => {
    const names = Array.from({ length: 500 }, () => `{"${'é'.repeat(size / 2000)}":`).join('')
    return `[${names}{${'"a":1,'.repeat(30)}"a":1}${'}'.repeat(500)}]`
  }],
])('the answer to %s is short', async (_, bodyOf) => {
  await expectNothingWritten(http, async () => {
    for (const path of ['/debits', '/users/1/debit', '/users', '/transfers']) {
      const body = bodyOf(path === '/debits' ? 1_000_000 : 60_000)
      const { status, text } = await http.call('POST', path, body)
      expect(status).toBe(400)
      expect(text.length).toBeLessThan(32_768)
      expect(JSON.parse(text).errors.length).toBeLessThanOrEqual(20)
    }
  })
})
