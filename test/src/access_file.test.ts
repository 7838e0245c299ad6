import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openTokenFile } from '../../src/access_file.ts'
import { sha256, tokensFile } from '../access.ts'

const ALL = { tokens: ['all'], scopes: ['read'] as const }

/** A file with one token, whose clock stands still until it is moved. */
function open() {
  const path = tokensFile([ALL])
  const logged: unknown[] = []
  let clock_ms = 0
  let reads = 0
  const file = openTokenFile({
    path,
    readText: (path) => (reads++, readFileSync(path, 'utf8')),
    log: {
      info: (what, why) => logged.push(['info', what, why]),
      error: (what, why) => logged.push(['error', what, why]),
    },
    now: () => clock_ms,
  })
  return {
    path,
    logged,
    reads: () => reads,
    passes: (ms: number) => void (clock_ms += ms),
    has: (token: string) => file.get(sha256(token)) !== undefined,
  }
}

test('openTokenFile() reads the file at most once a second, however many ask', () => {
  const { path, reads, passes, has } = open()
  writeFileSync(path, '[]')
  passes(999)
  expect([has('all'), has('all'), reads()]).toEqual([true, true, 1])
  passes(1)
  expect([has('all'), has('all'), reads()]).toEqual([false, false, 2])
})

test('openTokenFile() logs a fault once while it lasts, and again when it is back', () => {
  const { path, logged, passes, has } = open()
  const unreadable = [
    'error',
    expect.anything(),
    expect.stringMatching(/^ACCESS_TOKENS_FILE can't/),
  ]
  for (const times of [1, 2]) {
    renameSync(path, `${path}.away`)
    for (let n = 0; n < 3; n++) {
      passes(1000)
      expect(has('all')).toBe(true)
    }
    expect(logged).toEqual(Array.from({ length: times }, () => unreadable))
    renameSync(`${path}.away`, path)
    passes(1000)
    expect(has('all')).toBe(true)
  }
})
