/** Bodies that are cut, too long, or of two lengths. */
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
} from './connection.ts'

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
