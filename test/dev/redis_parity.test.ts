/** The store in memory answers what a Redis server does. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../dev/memory_store.ts'
import type { Backend } from '../../dev/redis_backend.ts'
import { redisServerMissing, startRedisServer } from './redis_server.ts'

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
