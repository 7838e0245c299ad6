import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createApp } from '../../../src/app/app.ts'
import { Problem, PROBLEMS } from '../../../src/core/errors.ts'
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts'
import { dependenciesThat } from '../../support/dependencies.ts'
import {
  answerOf,
  type Call,
  expectAnswer,
  expectNothingWritten,
  expectProblem,
  PINNED_PROBLEMS,
  type PinnedCode,
  useHttp,
} from '../../support/http.ts'

const http = useHttp()
const call: Call = (...request) => http.call(...request)

const ROUTES: Record<string, string[]> = {
  '/users': ['GET', 'HEAD', 'POST'],
  '/entries': ['GET', 'HEAD'],
  '/operations': ['POST'],
  '/users/1/holds/1': ['GET', 'HEAD'],
  '/users/1/controls': ['GET', 'HEAD'],
  '/users/1/freeze': ['POST'],
  '/users/1/thaw': ['POST'],
  '/users/1/credit-limit': ['POST'],
  '/users/1': ['GET', 'HEAD'],
  '/users/1/debit': ['POST'],
  '/users/1/credit': ['POST'],
  '/users/1/recalculate': ['POST'],
  '/users/1/history': ['GET', 'HEAD'],
  '/users/1/history/1': ['GET', 'HEAD'],
  '/users/1/history/1/reverse': ['POST'],
  '/users/1/balance': ['GET', 'HEAD'],
  '/users/1/verify': ['GET', 'HEAD'],
  '/users/1/holds': ['GET', 'HEAD', 'POST'],
  '/users/1/holds/1/capture': ['POST'],
  '/users/1/holds/1/release': ['POST'],
  '/transfers': ['POST'],
  '/debits': ['POST'],
  '/metrics': ['GET', 'HEAD'],
  '/healthz': ['GET', 'HEAD'],
  '/livez': ['GET', 'HEAD'],
  '/readyz': ['GET', 'HEAD'],
  '/openapi.json': ['GET', 'HEAD'],
  '/docs': ['GET', 'HEAD'],
}
/** All but the one whose body is a list. */
const POSTS = Object.keys(ROUTES)
  .filter((path) => ROUTES[path]!.includes('POST') && !['/debits', '/operations'].includes(path))
const NOT_JSON = { errors: [{ path: '', message: 'must be JSON in UTF-8' }] }

/** An app whose ledger answers everything with this. */
function appWith(write: () => Promise<never>, failures: unknown[] = [], limits = DEFAULT_LIMITS) {
  return createApp({
    ...dependenciesThat(write),
    limits,
    notReady: () => Promise.resolve('The reason.'),
    onFailure: (what, error) => void failures.push([what, error]),
  })
}

const debit = async (app: ReturnType<typeof appWith>) =>
  await answerOf(
    await app.request('/users/1/debit', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"amount":1}',
    }),
  )

test('every code has a pinned status and title', () => {
  expect(Object.keys(PINNED_PROBLEMS)).toEqual(Object.keys(PROBLEMS))
})

test.each(Object.keys(PROBLEMS) as PinnedCode[])(
  'the whole answer to %s is what is pinned',
  async (code) => {
    const app = appWith(() => Promise.reject(new Problem(code)))
    expectProblem(await debit(app), code)
    const detailed = appWith(() => Promise.reject(new Problem(code, { balance: '1.00' })))
    expectProblem(await debit(detailed), code, { balance: '1.00' })
  },
)

describe('404 and 405', () => {
  test.each([
    ['/nothing', '/users/', '/users/1/', '/users/1/nothing', '/users/1/debit/', '//users/1'],
    ['/Users/1', '/metrics/', '/docs/x/y', '/users/1/debit/1', '/.env', '/users%2F1', '/*'],
  ].flat())('%s is nothing to any method', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      expectProblem(await call(method, path), 'not_found')
    }
    expect(await call('HEAD', path)).toEqual({
      status: 404,
      headers: { 'content-type': 'application/problem+json' },
      text: '',
      body: '',
    })
  })

  test('/ answers to OPTIONS, which probes ask, and is read-only', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expectProblem(await call(method, '/'), 'method_not_allowed', {}, { allow: 'GET, HEAD' })
    }
    expectAnswer(await call('OPTIONS', '/'), 200, { status: 'live' })
    expectAnswer(await call('GET', '/healthz'), 200, { status: 'live' })
  })

  test.each(Object.entries(ROUTES))('%s allows %j and nothing else', async (path, allowed) => {
    await expectNothingWritten(http, async () => {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE']) {
        if (allowed.includes(method)) continue
        const answer = await call(method, path)
        expectProblem(answer, 'method_not_allowed', {}, { allow: allowed.join(', ') }, method)
      }
      if (allowed.includes('HEAD')) return
      expect(await call('HEAD', path)).toEqual({
        status: 405,
        headers: { 'content-type': 'application/problem+json', allow: allowed.join(', ') },
        text: '',
        body: '',
      })
    })
  })

  test.each(Object.keys(ROUTES).filter((path) => ROUTES[path]!.includes('HEAD')))(
    'HEAD %s is GET without its body',
    async (path) => {
      await http.sql`select credit_user(1, 1, 'an-entry-to-look-at')`
      await http.sql`select place_hold(1, 1, null, 'a-hold-to-look-at')`
      // The first read of a user is a miss.
      await call('GET', path)
      const [get, head] = [await call('GET', path), await call('HEAD', path)]
      expect(head).toEqual({ status: 200, headers: get.headers, text: '', body: '' })
      expect(get.text).not.toBe('')
    },
  )
})

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

describe('what is our fault', () => {
  test('shows nothing of itself, and is reported once', async () => {
    const failures: unknown[] = []
    const error = Object.assign(new Error('select secret from users'), {
      code: '22P02',
      detail: 'Row (1, secret)',
    })
    expectProblem(await debit(appWith(() => Promise.reject(error), failures)), 'internal')
    expect(failures).toEqual([['/users/:id/debit', error]])
    expectProblem(
      await debit(appWith(() => Promise.reject(new TypeError('x is not y')))),
      'internal',
    )
  })

  test.each(['text', undefined, null, 7])('that is no Error but %j is one, too', async (thrown) => {
    const failures: unknown[] = []
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors
    const app = appWith(() => Promise.reject(thrown), failures)
    const answer = await debit(app)
    expectProblem(answer, 'internal')
    expect(failures).toEqual([['/users/:id/debit', thrown]])
    const metrics = await (await app.request('/metrics')).text()
    expect(metrics).toContain('user_debit_requests_total{outcome="internal"} 1\n')
    // What began to be observed has ended.
    expect(metrics).toMatch(/^http_request_duration_seconds_count\{.*"500".*\} 1$/m)
  })

  test('reads and writes that nobody can tell the end of are different things', async () => {
    const lost = Object.assign(new Error('lost'), { code: 'CONNECTION_CLOSED' })
    const failures: unknown[] = []
    const app = appWith(() => Promise.reject(lost), failures)
    expectProblem(await debit(app), 'outcome_unknown')
    expectProblem(await answerOf(await app.request('/users/1')), 'busy')
    expectProblem(
      await answerOf(await app.request('/users', { method: 'POST' })),
      'outcome_unknown',
    )
    // Whoever runs the service hears of each; the log says it once.
    expect(failures).toEqual(
      ['/users/:id/debit', '/users/:id', '/users'].map((route) => [route, lost]),
    )
  })

  test.each([
    ['is done', () => Promise.resolve({ snapshot: { id: 1 }, entry: { seq: 1 }, replayed: false })],
    ['fails', () => Promise.reject(new Error('too late'))],
  ])('what %s after its deadline was answered and counted before, once', async (_, end) => {
    const failures: unknown[] = []
    let finish = () => {}
    const finished = new Promise<void>((resolve) => finish = resolve)
    const write = () => finished.then(end as () => Promise<never>)
    const app = appWith(write, failures, { ...DEFAULT_LIMITS, requestDeadlineMs: 40 })
    expectProblem(await debit(app), 'busy')
    finish()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const metrics = await (await app.request('/metrics')).text()
    const counts = metrics.match(/^user_debit_requests_total.* [1-9]\d*$/gm)
    expect(counts).toEqual(['user_debit_requests_total{outcome="busy"} 1'])
    expect(failures).toEqual([])
  })

  test('not being ready says why', async () => {
    const app = appWith(() => Promise.reject(new Error('must not be called')))
    expectProblem(await answerOf(await app.request('/readyz')), 'busy', { detail: 'The reason.' })
    expect(await answerOf(await app.request('/livez'))).toMatchObject({ status: 200 })
  })
})

describe('a database without its functions', () => {
  let id: number
  let other: number

  beforeAll(async () => {
    id = await http.user('1')
    other = await http.user('1')
    await http.sql`alter function ledger.post rename to gone_post`
    await http.sql`alter function ledger.get_users rename to gone_users`
    await http.sql`alter function create_user rename to gone_user`
  })
  afterAll(async () => {
    await http.sql`alter function ledger.gone_post rename to post`
    await http.sql`alter function ledger.gone_users rename to get_users`
    await http.sql`alter function gone_user rename to create_user`
  })

  test('makes every route that needs them answer busy, and is one line in the log', async () => {
    const answers = await expectNothingWritten(http, async () => [
      await call('POST', `/users/${id}/debit`, { amount: 1 }),
      await call('POST', `/users/${id}/credit`, { amount: 1 }),
      await call('POST', `/users/${id}/recalculate`),
      await call('POST', '/users', {}),
      await call('GET', `/users/${other}`),
    ])
    for (const answer of answers) {
      expectProblem(answer, 'busy')
    }
    const errors = http.logged.filter((line) => line.includes('"level":"error"'))
    expect(errors).toEqual([expect.stringContaining('"code":"42883"')])
    expect(await call('GET', '/livez')).toMatchObject({ status: 200 })
  })
})

test('nothing of a refused request is logged', async () => {
  await call('POST', '/users/1/debit', '{"amount":')
  await call('POST', '/users/x/debit', { amount: 1 })
  await call('GET', '/nothing')
  expect(http.logged.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([])
})
