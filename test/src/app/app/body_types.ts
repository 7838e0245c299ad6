/** Sizes, types and codings of bodies. */
import { describe, expect, test } from 'vitest'
import { answerOf, expectNothingWritten } from '../../../support/http.ts'
import { expectProblem, type PinnedCode } from '../../../support/problems.ts'
import { call, http, NOT_JSON, POSTS } from './service.ts'

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

  test('may have 64 KiB and not one byte more', async () => {
    const size = 64 * 1024
    const edge = await call('POST', path, `{"x":1${' '.repeat(size - 7)}}`)
    expect(edge).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    await expectRefused(`{"x":1${' '.repeat(size - 6)}}`, 'payload_too_large')
  })

  test('may have 64 KiB in pieces and not one byte more', async () => {
    const send = async (size: number) => {
      const pieces = ['{"x":1', ...Array.from({ length: size / 1000 }, () => ' '.repeat(1000))]
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          const piece = pieces.shift()
          if (piece === undefined) controller.close()
          else controller.enqueue(new TextEncoder().encode(piece))
        },
      })
      return await answerOf(
        await fetch(`${http.service.url}${path}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body,
          duplex: 'half',
        } as RequestInit),
      )
    }
    const answers = await expectNothingWritten(
      http,
      async () => [await send(65_000), await send(66_000)],
    )
    expectProblem(answers[0]!, 'invalid_request', NOT_JSON)
    expectProblem(answers[1]!, 'payload_too_large')
  })

  test('must be said to be JSON', async () => {
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
      'text/json',
      'application/json-seq',
      'json',
      '*/*',
      'application/json,text/html',
    ]
    for (const type of types) {
      await expectRefused('{}', 'unsupported_media_type', {}, { 'Content-Type': type })
    }
    await expectRefused(new TextEncoder().encode('{}'), 'unsupported_media_type', {}, {
      'Content-Type': '',
    })
    for (
      const type of [
        'application/json; charset=utf-8',
        'Application/JSON',
        'application/json ;charset="utf-8"',
        'application/vnd.api+json',
      ]
    ) {
      const answer = await call('POST', path, '{"x":1}', { 'Content-Type': type })
      expect([type, answer.status]).toEqual([type, 400])
    }
  })

  test('must be in UTF-8, and say so if it says anything', async () => {
    const charsets = ['iso-8859-1', '"ISO-8859-1"', 'utf-16', 'us-ascii', '', 'utf-8x', 'UTF_8']
    for (const charset of charsets) {
      for (const type of [`application/json; charset=${charset}`, `a;Charset = ${charset}`]) {
        const headers = { 'Content-Type': type.replace(/^a/, 'application/json; charset=utf-8') }
        const detail = { detail: 'The charset must be utf-8.' }
        await expectRefused('{}', 'unsupported_media_type', detail, headers)
        await expectRefused('', 'unsupported_media_type', detail, headers)
      }
    }
    const headers = { 'Content-Type': 'application/json; x=charset; charset=utf8' }
    expect((await call('POST', path, '{"x":1}', headers)).status).toBe(400)
  })

  test('must be as it is, not compressed', async () => {
    const detail = { detail: 'The body must be sent without a Content-Encoding.' }
    for (const coding of ['gzip', 'br', 'deflate', 'GZIP', 'identity, gzip', 'x']) {
      for (const body of ['{}', '']) {
        const headers = { 'Content-Encoding': coding, 'Content-Type': 'application/json' }
        await expectRefused(body, 'unsupported_media_type', detail, headers)
      }
    }
    const response = await fetch(`${http.service.url}${path}`, {
      method: 'POST',
      headers: { 'Content-Encoding': 'gzip', 'Content-Type': 'application/json' },
    })
    await response.body?.cancel()
    expect(response.headers.get('accept-encoding')).toBe('identity')
    for (const coding of ['identity', 'Identity', '']) {
      const headers = { 'Content-Encoding': coding }
      expect((await call('POST', path, '{"x":1}', headers)).status, coding).toBe(400)
    }
  })

  test('may not be of another type because it is empty', async () => {
    for (
      const type of ['text/plain;charset=UTF-8', 'application/x-www-form-urlencoded', 'json']
    ) {
      await expectRefused('', 'unsupported_media_type', {}, { 'Content-Type': type })
    }
    // None at all is what `curl -X POST` sends.
    expect((await call('POST', path)).status).not.toBe(415)
    expect((await call('POST', path, '', { 'Content-Type': 'application/json' })).status)
      .not.toBe(415)
  })
})
