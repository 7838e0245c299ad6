/** Heads that no client writes. */
import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import {
  BODY,
  CLOSE,
  DEBIT,
  errors,
  expectApp,
  expectParser,
  expectRefused,
  HOST,
  JSON_TYPE,
  send,
} from './connection.ts'

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
