import { describe, expect, test } from 'vitest'
import { createFailureLimit } from '../../../src/auth/failure_limit.ts'

function limitOf(perMinute: number) {
  let time = 5_000
  const limit = createFailureLimit({ perMinute, now: () => time })
  return { ...limit, pass: (ms: number) => time += ms }
}

const fail = (
  { failed }: { failed: (address: string) => number },
  address: string,
  times: number,
) => Array.from({ length: times }, () => failed(address))

describe('createFailureLimit()', () => {
  test('lets pass as many as a minute has, and tells when there is room for one again', () => {
    const limit = limitOf(3)
    expect(fail(limit, '192.0.2.1', 5)).toEqual([0, 0, 0, 20, 20])
    limit.pass(19_999)
    expect(fail(limit, '192.0.2.1', 1)).toEqual([1])
    limit.pass(1)
    expect(fail(limit, '192.0.2.1', 2)).toEqual([0, 20])
    limit.pass(60_000)
    expect(fail(limit, '192.0.2.1', 4)).toEqual([0, 0, 0, 20])
  })

  test('lets pass exactly as many, whatever the clock and the number are', () => {
    for (let i = 0; i < 300; i++) {
      const perMinute = 1 + i % 97
      const time = 1e9 * Math.sin(i) ** 2
      const limit = createFailureLimit({ perMinute, now: () => time })
      const waits = fail(limit, '192.0.2.1', perMinute + 1)
      expect(waits.filter((wait) => wait > 0), String(time)).toHaveLength(1)
    }
  })

  test('an address does not answer for another one', () => {
    const limit = limitOf(1)
    expect(fail(limit, '192.0.2.1', 2)).toEqual([0, 60])
    expect(fail(limit, '192.0.2.2', 2)).toEqual([0, 60])
  })

  test.each([
    ['2001:db8:0:1::1', '2001:db8:0:1:ffff::2', true],
    ['2001:db8::1', '2001:db8:0:0:1:2:3:4', true],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', false],
    ['::1', '::2', true],
    ['1::', '::1', false],
    ['fe80::1%eth0', 'fe80::2%eth0', true],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
  ])('%s and %s are of the same network: %j', (one, other, isSame) => {
    const limit = limitOf(1)
    expect(limit.failed(one)).toBe(0)
    expect(limit.failed(other)).toBe(isSame ? 60 : 0)
  })

  test('forgets the address that failed the longest ago when there are too many', () => {
    const limit = limitOf(1)
    for (let i = 0; i <= 10_000; i++) expect(limit.failed(`a${i}`)).toBe(0)
    expect(limit.failed('a1')).toBe(60)
    expect(limit.failed('a10000')).toBe(60)
    expect(limit.failed('a0')).toBe(0)
  })
})
