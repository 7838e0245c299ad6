import { Redis } from '@upstash/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../dev/memory_store.ts'
import type { Backend } from '../../dev/redis_backend.ts'
import { type RedisRest, startRedisRest } from '../../dev/redis_rest.ts'
import { redisServerMissing, startRedisServer } from './redis_server.ts'

const WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'
const BACKENDS: [string, () => Promise<Backend>][] = [
  ['memory', () => Promise.resolve(createMemoryStore())],
  ['redis-server', startRedisServer],
]

interface Answer {
  status: number
  body: unknown
}

async function post(
  rest: RedisRest,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(rest.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${rest.token}`, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

describe.each(BACKENDS)('the REST endpoint over %s', (name, open) => {
  let rest: RedisRest
  let redis: Redis
  const missing = name === 'memory' ? undefined : redisServerMissing

  beforeAll(async () => {
    if (missing) return
    rest = await startRedisRest({ backend: await open() })
    redis = new Redis({
      url: rest.url,
      token: rest.token,
      automaticDeserialization: false,
      enableAutoPipelining: false,
      enableTelemetry: false,
      retry: false,
    })
  })
  afterAll(() => rest?.close())
  beforeEach(async ({ skip }) => {
    if (missing) skip(missing)
    await redis.flushall()
  })

  test('POST / answers a result, or 400 with the text of Redis', async () => {
    expect(await post(rest, '/', ['PING'])).toEqual({ status: 200, body: { result: 'PONG' } })
    expect(await post(rest, '/', ['SET', 'k', 10.5])).toEqual({
      status: 200,
      body: { result: 'OK' },
    })
    expect((await post(rest, '/', ['get', 'k'])).body).toEqual({ result: '10.5' })
    expect((await post(rest, '/', ['GET', 'none'])).body).toEqual({ result: null })
    for (
      const [command, error] of [
        [
          ['ZCARDX', 'k', 'a\nb'],
          "ERR unknown command 'ZCARDX', with args beginning with: 'k' 'a b' ",
        ],
        [['GET'], "ERR wrong number of arguments for 'get' command"],
        [['PING', 'a', 'b'], "ERR wrong number of arguments for 'ping' command"],
        [['ZADD', 'k', '1', 'm'], WRONGTYPE],
        [['ZADD', 'z', '1x', 'm'], 'ERR value is not a valid float'],
        [['ZADD', 'z', '1', 'm', '2'], 'ERR syntax error'],
        [['ZRANGE', 'k', '0', '-1'], WRONGTYPE],
        [['ZRANGE', 'z', '0', 'x'], 'ERR value is not an integer or out of range'],
        [['ZRANGE', 'z', '0', '1', 'please'], 'ERR syntax error'],
        [['PEXPIRE', 'k', '1.5'], 'ERR value is not an integer or out of range'],
        [['PEXPIRE', 'k', '1', 'ZZ'], 'ERR Unsupported option ZZ'],
        [
          ['PEXPIRE', 'k', '9223372036854775807'],
          "ERR invalid expire time in 'pexpire' command",
        ],
      ] as [string[], string][]
    ) expect(await post(rest, '/', command)).toEqual({ status: 400, body: { error } })
  })

  test('/pipeline goes on after an error', async () => {
    const commands = [['SET', 's', 'x'], ['ZREM', 's', 'm'], ['NOPE'], ['GET', 's']]
    expect(await post(rest, '/pipeline', commands)).toEqual({
      status: 200,
      body: [
        { result: 'OK' },
        { error: WRONGTYPE },
        { error: "ERR unknown command 'NOPE', with args beginning with: " },
        { result: 'x' },
      ],
    })
  })

  test('/multi-exec runs all, or none when one is not accepted', async () => {
    expect(await post(rest, '/multi-exec', [['SET', 's', '1'], ['ZREM', 's', 'm'], ['GET', 's']]))
      .toEqual({ status: 200, body: [{ result: 'OK' }, { error: WRONGTYPE }, { result: '1' }] })
    for (const bad of [['NOPE'], ['GET']]) {
      expect(await post(rest, '/multi-exec', [['SET', 's', '2'], bad])).toEqual({
        status: 400,
        body: { error: 'EXECABORT Transaction discarded because of previous errors.' },
      })
    }
    expect((await post(rest, '/', ['GET', 's'])).body).toEqual({ result: '1' })
  })

  test('Upstash-Encoding: base64 encodes every string but OK', async () => {
    const headers = { 'upstash-encoding': 'base64' }
    const commands = [['SET', 's', 'zwölf'], ['GET', 's'], ['ZADD', 'z', '1', 'OK'], [
      'ZRANGE',
      'z',
      '0',
      '-1',
      'WITHSCORES',
    ], ['GET', 'none']]
    expect((await post(rest, '/pipeline', commands, headers)).body).toEqual([
      { result: 'OK' },
      { result: 'enfDtmxm' },
      { result: 1 },
      { result: ['T0s=', 'MQ=='] },
      { result: null },
    ])
    expect((await post(rest, '/', ['NOPE'], headers)).body).toEqual({
      error: "ERR unknown command 'NOPE', with args beginning with: ",
    })
  })

  test('@upstash/redis gets back what it wrote', async () => {
    const member = '{"née":"\u{1F600}"}'
    const replies = await redis.multi()
      .zadd('z', { score: 2, member: 'OK' }, { score: 9007199254740991, member })
      .zremrangebyrank('z', 0, -2)
      .pexpire('z', 3_600_000)
      .exec()
    expect(replies).toEqual([2, 1, 1])
    expect(await redis.pipeline().zrange('z', -1, -1, { withScores: true }).get('none').exec())
      .toEqual([[member, '9007199254740991'], null])
    expect(await redis.pttl('z')).toBeGreaterThan(3_000_000)
    expect(await redis.zrem('z', member)).toBe(1)
    expect(await redis.pttl('z')).toBe(-2)
    await expect(redis.pexpire('z', 1.5)).rejects.toThrow('not an integer')
  })

  test('members of one score are ordered by their bytes', async () => {
    await redis.zadd('z', { score: 1, member: '\uFFFD' }, { score: 1, member: '\u{1F600}' })
    await redis.zadd('z', { score: 1, member: 'a' }, { score: 0, member: 'z' })
    expect(await redis.zrange('z', 0, -1)).toEqual(['z', 'a', '\uFFFD', '\u{1F600}'])
  })
})

describe('createRedisRest()', () => {
  let rest: RedisRest
  beforeAll(async () => {
    rest = await startRedisRest({ token: 'secret' })
  })
  afterAll(() => rest.close())

  test.each(['/', '/pipeline', '/multi-exec'])('%s wants the bearer token', async (path) => {
    for (const authorization of ['', 'Bearer ', 'Bearer secre', 'Bearer secret2', 'secret']) {
      expect(await post(rest, path, [['PING']], { authorization })).toEqual({
        status: 401,
        body: { error: 'Unauthorized' },
      })
    }
  })

  test.each([
    ['/', '{'],
    ['/', '[]'],
    ['/', '{}'],
    ['/', '"PING"'],
    ['/', '[["PING"]]'],
    ['/', '["GET",null]'],
    ['/pipeline', '[]'],
    ['/pipeline', '["PING"]'],
    ['/multi-exec', '[["PING"],[]]'],
    ['/multi-exec', ''],
  ])('%s answers 400 to %s', async (path, body) => {
    const answer = await post(rest, path, body)
    expect(answer.status).toBe(400)
    expect(answer.body).toEqual({ error: expect.stringMatching(/^ERR /) as string })
  })

  test('nothing else is there', async () => {
    expect((await post(rest, '/get/k', [])).status).toBe(404)
    for (const path of ['/', '/pipeline', '/multi-exec']) {
      const response = await fetch(rest.url + path)
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
      await response.body?.cancel()
    }
  })

  test('a body beyond the limit is 413', async () => {
    const answer = await post(rest, '/', ['SET', 'k', 'x'.repeat(5 * 1024 * 1024)])
    expect(answer.status).toBe(413)
  })

  test('it listens on 127.0.0.1 and close() ends kept-alive connections', async () => {
    const other = await startRedisRest()
    expect(other.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await post(other, '/', ['PING'])
    await other.close()
    await expect(fetch(other.url)).rejects.toThrow('fetch failed')
  })
})
