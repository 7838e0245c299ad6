import { setTimeout as wait } from 'node:timers/promises'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createMemoryStore } from '../../../dev/memory_store.ts'
import { at, type Endpoint, entryOf, instanceOf, keyOf, startEndpoint } from './snapshots.ts'
import { onDeno } from '../../support/service.ts'
import { EMPTY, FAULTS, ODD, says } from './faulty_answers.ts'

let endpoint: Endpoint
beforeEach(async () => {
  endpoint = await startEndpoint(createMemoryStore())
  return () => endpoint.close()
})

const FAST = { timeoutMs: 250 }

/**
 * Options of an instance whose calls have their time from when the endpoint has got the request,
 * and wait for nothing before: however much else the machine has to do, each call gets there.
 */
function fastFromArrival() {
  const limit = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const limited = new AbortController()
    const before = endpoint.requests()
    void vi.waitUntil(() => endpoint.requests() > before)
      .then(() => setTimeout(() => limited.abort(new DOMException('', 'TimeoutError')), ms))
    return limited.signal
  })
  onTestFinished(() => limit.mockRestore())
  return { ...FAST, now: () => 0 }
}

describe('Redis that', () => {
  test.each(FAULTS)(
    '%s: reads are right, writes end, and nothing is asked twice',
    async (fault, answer) => {
      const printed = (['log', 'warn', 'error'] as const).map((m) => vi.spyOn(console, m))
      const options = fastFromArrival()
      const reader = instanceOf(endpoint, options)
      reader.database.set(1, entryOf(1, 3))
      endpoint.misbehave = answer
      expect(await reader.read(1)).toBe('bypass 3.00')
      expect(reader.errors).toEqual(['read'])

      const writer = instanceOf(endpoint, options)
      await writer.snapshots.write(entryOf(1, 4))
      expect(writer.errors).toEqual(['write'])
      // Deno's own fetch tries once more where a connection ends before an answer.
      const tries = onDeno && fault === 'cuts the connection' ? 2 : 1
      expect(endpoint.requests()).toBe(2 * tries)
      for (const print of printed) {
        expect(print).not.toHaveBeenCalled()
        print.mockRestore()
      }
    },
  )

  test('refuses connections: reads are right, writes end', async () => {
    await endpoint.close()
    const { snapshots, database, read, errors } = instanceOf(endpoint, FAST)
    database.set(1, entryOf(1, 3))
    await snapshots.write(entryOf(1, 3))
    expect(await read(1)).toBe('bypass 3.00')
    expect(errors).toEqual(['write'])
    endpoint = await startEndpoint(createMemoryStore())
  })

  test.each(ODD)('answers %s: the read is right', async (_, reply, cache, error) => {
    const { database, read, errors } = instanceOf(endpoint)
    database.set(1, entryOf(1, 3))
    endpoint.misbehave = says(200, JSON.stringify([reply]))
    expect(await read(1)).toBe(`${cache} 3.00`)
    expect(errors[0]).toBe(error)
  })

  test("answers with other users' snapshots: the read is right", async () => {
    const { database, snapshots, read, errors } = instanceOf(endpoint)
    await snapshots.write(entryOf(2, 9))
    const [reply] = await endpoint.redis(['ZRANGE', keyOf(2), 0, -1, 'WITHSCORES'])
    database.set(1, entryOf(1, 3))
    endpoint.misbehave = says(200, JSON.stringify([{ result: reply }]))
    expect(await read(1)).toBe('miss 3.00')
    expect(errors[0]).toBe('parse')
  })

  test('is slow: a thousand reads at once are right, and ask it once', async () => {
    const { database, snapshots } = instanceOf(endpoint, fastFromArrival())
    for (let id = 1; id <= 1000; id++) database.set(id, entryOf(id, 3))
    endpoint.misbehave = () => {}
    const all = Array.from({ length: 1000 }, (_, i) => snapshots.read(i + 1))
    expect(new Set((await Promise.all(all)).map((f) => f?.cache))).toEqual(new Set(['bypass']))
    expect(endpoint.requests()).toBe(1)
  })

  test('is slow, and then hangs: waiting for the slow call counts', async () => {
    const { database, snapshots } = instanceOf(endpoint, { timeoutMs: 600 })
    database.set(1, entryOf(1, 3))
    // As long as a call of its own would have from here on.
    let later = Promise.resolve('')
    endpoint.misbehave = (request, response) => {
      endpoint.misbehave = () => {}
      setTimeout(() => {
        says(200, EMPTY)(request, response)
        later = wait(600, 'later')
      }, 500)
    }
    const first = snapshots.read(1)
    await expect.poll(() => endpoint.requests()).toBe(1)
    const second = snapshots.read(1)
    expect((await first)?.cache).toBe('miss')
    expect(await Promise.race([second.then((found) => found?.cache), later])).toBe('bypass')
  })
})

describe('after Redis has failed', () => {
  let clock: number
  const now = () => clock
  const withClock = { now }
  beforeEach(() => {
    clock = 1_000_000
  })

  test('it is left alone for a second; then one call tries, and all follow if it went well', async () => {
    const { snapshots, database, read, errors } = instanceOf(endpoint, withClock)
    for (const id of [1, 2]) database.set(id, entryOf(id, 3))
    endpoint.misbehave = says(500, '')
    await read(1)
    clock += 999
    expect([await read(1), await read(1, true)]).toEqual(['bypass 3.00', 'bypass 3.00'])
    expect(endpoint.requests()).toBe(1)
    expect(errors).toEqual(['read'])

    clock += 1
    let answer = () => {}
    endpoint.misbehave = (_, response) => answer = () => response.writeHead(500).end()
    const probe = snapshots.read(1)
    await expect.poll(() => endpoint.requests()).toBe(2)
    await snapshots.write(entryOf(2, 3))
    expect(endpoint.requests()).toBe(2)
    answer()
    expect((await probe)?.cache).toBe('bypass')

    clock += 1000
    endpoint.misbehave = undefined
    expect([await read(1), await read(1), await read(2)])
      .toEqual(['miss 3.00', 'hit 3.00', 'miss 3.00'])
  })

  test('what could not be written is never served from before', async () => {
    const { snapshots, database, read, errors } = instanceOf(endpoint, withClock)
    for (const id of [1, 2]) {
      await snapshots.write(entryOf(id, 3))
      database.set(id, entryOf(id, 4))
    }
    endpoint.misbehave = says(500, '')
    await snapshots.write(entryOf(1, 4))
    // This one isn't even tried.
    await snapshots.write(entryOf(2, 4))
    expect(errors).toEqual(['write', 'write'])
    clock += 1000
    endpoint.misbehave = undefined
    database.set(1, entryOf(1, 3))
    expect(await read(1)).toBe('miss 3.00')
    database.set(1, entryOf(1, 4))
    expect([await read(1), await read(1)]).toEqual(['miss 4.00', 'hit 4.00'])
    expect([await read(2), await read(2)]).toEqual(['miss 4.00', 'hit 4.00'])
  })

  test('another instance that hears of the change does not serve it either', async () => {
    const one = instanceOf(endpoint, withClock)
    const two = instanceOf(endpoint, withClock)
    clock += 9000
    await one.snapshots.write(entryOf(1, 3))
    expect(await two.read(1)).toBe('hit 3.00')
    endpoint.misbehave = says(500, '')
    await one.snapshots.write(entryOf(1, 4))
    endpoint.misbehave = undefined
    two.snapshots.changed(1, 4)
    two.database.set(1, entryOf(1, 4, { read_at: at(5) }))
    expect(await two.read(1)).toBe('miss 4.00')
  })

  test('a write that a timeout gave up on may still arrive, and does no harm', async () => {
    const { snapshots, database, read } = instanceOf(endpoint, { timeoutMs: 1_000 })
    const late: (() => void)[] = []
    const { calls } = endpoint
    endpoint.misbehave = (request) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      late.push(() => {
        const commands = JSON.parse(Buffer.concat(chunks).toString()) as string[][]
        void endpoint.redis(...commands)
      })
    }
    await snapshots.write(entryOf(1, 3))
    endpoint.misbehave = undefined
    const other = instanceOf(endpoint)
    await other.snapshots.write(entryOf(1, 4))
    for (const arrive of late) arrive()
    database.set(1, entryOf(1, 4))
    expect(calls.length).toBe(1)
    expect(late.length).toBe(1)
    expect(await other.read(1)).toBe('hit 4.00')
    expect(await read(1)).toBe('bypass 4.00')
  })
})
