import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatEntry, parseEntry, type Versioned } from '../../../src/cache/snapshot_entry.ts'

const ENTRY: Versioned = {
  snapshot: {
    id: 7,
    balance: '-12.50',
    available: '0.00',
    seq: 3,
    updated_at: '2026-01-01T00:00:00.000001Z',
  },
  version: 5,
  read_at: '2026-01-01T00:00:00.000002Z',
}
const TEXT = formatEntry(ENTRY)

test('a text says when it was read first, so that a later one sorts behind', () => {
  expect(TEXT).toBe(
    '{"read_at":"2026-01-01T00:00:00.000002Z","version":5,"snapshot":{"id":7,' +
      '"balance":"-12.50","available":"0.00","seq":3,"updated_at":"2026-01-01T00:00:00.000001Z"}}',
  )
})

test.each([{}, { expires_in_ms: 0 }, { expires_in_ms: 90_000 }])(
  'what is kept (%j) comes back',
  (more) => {
    const entry = { ...ENTRY, ...more }
    expect(parseEntry(7, formatEntry(entry), '5')).toEqual(entry)
  },
)

test('columns that a driver added stay out of the cache', () => {
  const entry = { ...ENTRY, snapshot: { ...ENTRY.snapshot, secret: 1 }, secret: 1 }
  expect(formatEntry(entry)).toBe(TEXT)
})

describe('parseEntry() refuses', () => {
  test('another user, and another score', () => {
    expect(parseEntry(8, TEXT, '5')).toBeUndefined()
    for (const score of ['6', '5.0', '05', 'inf', '']) {
      expect(parseEntry(7, TEXT, score)).toBeUndefined()
    }
  })

  test.each([
    ['"version":5', '"version":2'],
    ['"version":5', '"version":9007199254740993'],
    ['"version":5', '"version":5,"version":5'],
    ['"version":5', '"version":5,"expires_in_ms":1.5'],
    ['"version":5', '"version":5,"expires_in_ms":-1'],
    ['"version":5', '"version":5,"__proto__":{}'],
    ['"version":5', '"version":"5"'],
    ['"id":7', '"id":07'],
    ['"id":7', '"id":7.0'],
    ['"-12.50"', '"-12.5"'],
    ['"-12.50"', '-12.50'],
    ['"-12.50"', '"NaN"'],
    ['"-12.50"', '"1e3.00"'],
    ['"-12.50"', '"1234567890123456789.00"'],
    ['"-12.50"', '"<script>.00"'],
    ['"seq":3', '"seq":6'],
    ['"seq":3', '"seq":null'],
    ['000001Z', '001Z'],
    ['000001Z', '000001+00:00'],
    ['}}', '}} '],
    ['}}', '}}\n'],
    ['{"read', ' {"read'],
  ])('%s as %s', (from, to) => {
    expect(TEXT).toContain(from)
    expect(parseEntry(7, TEXT.replace(from, to), '5')).toBeUndefined()
  })

  test('any text but the one it would have written, and never throws', () => {
    const at = fc.nat(TEXT.length - 1)
    fc.assert(
      fc.property(at, at, fc.string({ maxLength: 3 }), (a, b, piece) => {
        const text = TEXT.slice(0, Math.min(a, b)) + piece + TEXT.slice(Math.max(a, b))
        const entry = parseEntry(7, text, '5')
        if (entry) expect(formatEntry(entry)).toBe(text)
      }),
      { seed: 20260104, numRuns: 2000 },
    )
    expect(parseEntry(7, '['.repeat(1_000_000), '5')).toBeUndefined()
  })
})
