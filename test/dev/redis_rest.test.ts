import { Redis } from '@upstash/redis'
import fc from 'fast-check'
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

describe('createMemoryStore()', () => {
  const run = async (store: Backend, ...commands: string[]) =>
    (await store.run(commands.map((command) => command.split(' '))))
      .map((reply) => reply instanceof Error ? reply.message : reply)

  test('a key is gone when its time is up', async () => {
    let clock = 0
    const store = createMemoryStore({ now: () => clock })
    expect(await run(store, 'SET k v', 'PEXPIRE k 10', 'PTTL k')).toEqual(['OK', 1, 10])
    clock = 9.5
    expect(await run(store, 'PTTL k', 'GET k')).toEqual([1, 'v'])
    clock = 10
    expect(await run(store, 'GET k', 'PTTL k', 'PEXPIRE k 10')).toEqual([null, -2, 0])
  })

  test('SET forgets an expiry, ZADD keeps it', async () => {
    const store = createMemoryStore({ now: () => 0 })
    await run(
      store,
      'SET k v',
      'PEXPIRE k 10',
      'SET k w',
      'ZADD z 1 a',
      'PEXPIRE z 10',
      'ZADD z 2 b',
    )
    expect(await run(store, 'PTTL k', 'PTTL z')).toEqual([-1, 10])
  })

  test('a full store evicts what would expire first, and what has expired before that', async () => {
    let clock = 0
    const store = createMemoryStore({ maxKeys: 3, now: () => clock })
    await run(store, 'SET a 1', 'SET b 1', 'PEXPIRE b 20', 'SET c 1', 'PEXPIRE c 10')
    expect(await run(store, 'SET d 1', 'GET c', 'GET b')).toEqual(['OK', null, '1'])
    clock = 30
    expect(await run(store, 'SET e 1', 'GET b')).toEqual(['OK', null])
    expect(await run(store, 'SET f 1', 'SET a 2', 'GET a')).toEqual([
      "OOM command not allowed when used memory > 'maxmemory'.",
      'OK',
      '2',
    ])
  })

  test('memory stays bounded in bytes too', async () => {
    const store = createMemoryStore({ maxBytes: 3000 })
    expect(await run(store, `SET a ${'x'.repeat(1000)}`, `SET b ${'x'.repeat(1000)}`, 'GET b'))
      .toEqual(['OK', expect.stringMatching(/^OOM/), null])
    expect(await run(store, 'PEXPIRE a 1000', `SET b ${'x'.repeat(1000)}`, 'GET a'))
      .toEqual([1, 'OK', null])
    expect(await run(store, `SET a ${'x'.repeat(2000)}`, 'GET b'))
      .toEqual([expect.stringMatching(/^OOM/), 'x'.repeat(1000)])
  })
})

describe('memory and redis-server', () => {
  const key = fc.constantFrom('a', 'b')
  const member = fc.constantFrom('m', 'n', '', 'OK', 'é', '\uFFFD', '\u{1F600}')
  const score = fc.constantFrom(
    '1',
    '2',
    '-1',
    '1.5',
    '-0',
    '+3',
    'inf',
    '-INF',
    '1e999',
    'nan',
    '',
    ' 1',
  )
  const rank = fc.constantFrom(
    '0',
    '1',
    '2',
    '-1',
    '-2',
    '-9',
    '9',
    '01',
    '-0',
    'x',
    '9223372036854775808',
  )
  const ttl = fc.constantFrom(
    '100000',
    '0',
    '-1',
    '1.0',
    '',
    '9223372036854775807',
    '9007199254740993',
  )
  const command = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant('ZADD'), key, score, member) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('ZADD'), key, score, member, score, member) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('ZRANGE'), key, rank, rank) },
    {
      weight: 3,
      arbitrary: fc.tuple(fc.constant('zrange'), key, rank, rank, fc.constant('WithScores')),
    },
    { weight: 2, arbitrary: fc.tuple(fc.constant('ZREMRANGEBYRANK'), key, rank, rank) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('ZREM'), key, member, member) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('PEXPIRE'), key, ttl) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('SET'), key, member) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom('GET', 'PTTL'), key) },
    {
      weight: 1,
      arbitrary: fc.array(fc.constantFrom('ZADD', 'GET', 'PING', 'a', '1'), { minLength: 1 }),
    },
  )
  let real: Backend

  beforeAll(async () => {
    if (!redisServerMissing) real = await startRedisServer()
  })
  afterAll(() => real?.close())

  /** Replies that must be equal: of a time to live, only what kind it is. */
  const comparable = (batch: string[][], replies: unknown[]) =>
    replies.map((reply, i) => {
      if (reply instanceof Error) return reply.message
      return batch[i]![0] === 'PTTL' && Number(reply) > 0 ? 'some time' : reply
    })

  async function run(store: Backend, batches: { exec: boolean; batch: string[][] }[]) {
    await store.run([['FLUSHALL']])
    const answers: unknown[] = []
    for (const { exec, batch } of batches) {
      try {
        const replies = exec ? await store.transact(batch) : await store.run(batch)
        answers.push(comparable(batch, replies))
      } catch (error) {
        answers.push(String(error))
      }
    }
    return answers
  }

  test('answer the same to the same commands', async ({ skip }) => {
    if (redisServerMissing) skip(redisServerMissing)
    const batches = fc.array(
      fc.record({ exec: fc.boolean(), batch: fc.array(command, { minLength: 1, maxLength: 12 }) }),
      { maxLength: 6 },
    )
    const memory = createMemoryStore()
    await fc.assert(
      fc.asyncProperty(batches, async (sequence) => {
        expect(await run(memory, sequence)).toEqual(await run(real, sequence))
      }),
      { seed: 20260102, numRuns: 300 },
    )
  })
})
