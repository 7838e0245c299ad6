/** What bodies say, and bodies that break off. */
import { describe, expect, test, vi } from 'vitest'
import { answerOf, expectNothingWritten } from '../../../support/http.ts'
import { expectProblem, type PinnedCode } from '../../../support/problems.ts'
import { appWith, call, http, NOT_JSON, POSTS } from './service.ts'

describe.each(POSTS)('the body of POST %s', (path) => {
  const expectRefused = async (
    body: string | Uint8Array,
    code: PinnedCode,
    details: object = {},
    headers: Record<string, string> = {},
  ) => {
    const answer = await expectNothingWritten(http, () => call('POST', path, body, headers))
    expectProblem(answer, code, details)
  }

  test('must be well-formed JSON', async () => {
    const texts = [
      '{',
      '}',
      '{"amount":1',
      '{"amount":1}}',
      "{'amount':1}",
      '{amount:1}',
      '{"amount":01}',
      '{"amount":.5}',
      '{"amount":+1}',
      '{"amount":NaN}',
      '{"amount":0x10}',
      '{"amount":1,}',
      '{"a":"\n"}',
      '/**/{}',
      '{"amount":1}{"amount":1}',
      'undefined',
      '\u0000',
      '{"amount":"\\x41"}',
      ' ',
      '{"amount":1_0}',
    ]
    for (const text of texts) await expectRefused(text, 'invalid_request', NOT_JSON)
  })

  test('must be UTF-8', async () => {
    const bad = [
      [0xff],
      [0x22, 0xc3, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0xfe, 0xff, 0, 0x7b],
      [0x22, 0xc0, 0x80, 0x22],
    ]
    for (const bytes of bad) {
      await expectRefused(new Uint8Array(bytes), 'invalid_request', NOT_JSON)
    }
  })

  test('must be an object', async () => {
    for (const text of ['null', '[]', '1', '"x"', 'true', '[{"amount":1}]']) {
      const answer = await expectNothingWritten(http, () => call('POST', path, text))
      expect(answer, text).toMatchObject({
        status: 400,
        body: {
          code: 'invalid_request',
          errors: [{ path: '', message: expect.any(String) as string }],
        },
      })
    }
  })

  test('may be nested as deep as it likes without doing harm', async () => {
    for (
      const text of [
        '['.repeat(65_000),
        '['.repeat(30_000) + ']'.repeat(30_000),
        '{"":'.repeat(16_000),
      ]
    ) {
      const answer = await expectNothingWritten(http, () => call('POST', path, text))
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    }
  })

  test('has its faults named, but not without end', async () => {
    const members = Array.from({ length: 4000 }, (_, n) => `"m${n}":1e999`)
    const answer = await expectNothingWritten(
      http,
      () => call('POST', path, `{${members.join(',')}}`),
    )
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect((answer.body as { errors: object[] }).errors).toHaveLength(20)
    const unknown = Array.from({ length: 4000 }, (_, n) => `"m${n}":1`)
    const other = await call('POST', path, `{${unknown.join(',')}}`)
    expect((other.body as { errors: object[] }).errors).toHaveLength(20)
  })
})

test('a body that stops on its way is given up after ten seconds', async () => {
  vi.useFakeTimers()
  try {
    const app = appWith(() => Promise.reject(new Error('must not be called')))
    const answer = app.request(
      new Request('http://ledger/users/1/debit', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: new ReadableStream({
          start: (c) => c.enqueue(new TextEncoder().encode('{"amount"')),
        }),
        duplex: 'half',
      } as RequestInit),
    )
    await vi.advanceTimersByTimeAsync(10_000)
    expectProblem(await answerOf(await answer), 'invalid_request', {
      errors: [{ path: '', message: 'must arrive within 10 seconds' }],
    })
  } finally {
    vi.useRealTimers()
  }
})

test('a body that breaks off is the fault of who sent it', async () => {
  const app = appWith(() => Promise.reject(new Error('must not be called')))
  const broken = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
  const answer = await app.request(
    new Request('http://ledger/users/1/debit', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: new ReadableStream({ start: (c) => c.error(broken) }),
      duplex: 'half',
    } as RequestInit),
  )
  expectProblem(await answerOf(answer), 'invalid_request', {
    errors: [{ path: '', message: 'must arrive whole' }],
  })
})
