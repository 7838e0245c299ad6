import { readFile } from 'node:fs/promises'
import { renameSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openTokenFile } from '../../../src/auth/access_file.ts'
import { sha256, tokensFile } from '../../support/access.ts'

const ALL = { tokens: ['all'], scopes: ['read'] as const }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A file with one token, whose clock stands still until it is moved. */
async function open() {
  const path = tokensFile([ALL])
  const logged: unknown[] = []
  let reads = 0
  let reading: Promise<string> = Promise.resolve('')
  /** Whether the disk answers. */
  let hangs = false
  const file = await openTokenFile({
    path,
    readText(path) {
      reads++
      return reading = hangs ? new Promise(() => {}) : readFile(path, 'utf8')
    },
    log: {
      info: (what, why) => logged.push(['info', what, why]),
      error: (what, why) => logged.push(['error', what, why]),
    },
  })
  return {
    path,
    logged,
    file,
    reads: () => reads,
    hang: () => void (hangs = true),
    passes: async (ms: number) => {
      await vi.advanceTimersByTimeAsync(ms)
      if (!hangs) await reading.catch(() => {})
      await vi.advanceTimersByTimeAsync(0)
    },
    has: (token: string) => file.get(sha256(token)) !== undefined,
  }
}

test('openTokenFile() reads the file once a second, however many ask, and if nobody does', async () => {
  const { path, reads, passes, has } = await open()
  writeFileSync(path, '[]')
  await passes(999)
  expect([has('all'), has('all'), reads()]).toEqual([true, true, 1])
  await passes(1)
  expect([has('all'), has('all'), reads()]).toEqual([false, false, 2])
})

test('openTokenFile() logs a fault once while it lasts, and again when it is back', async () => {
  const { path, logged, passes, has } = await open()
  const unreadable = [
    'error',
    expect.anything(),
    expect.stringMatching(/^ACCESS_TOKENS_FILE can't/),
  ]
  for (const times of [1, 2]) {
    renameSync(path, `${path}.away`)
    for (let n = 0; n < 3; n++) {
      await passes(1000)
      expect(has('all')).toBe(true)
    }
    expect(logged).toEqual(Array.from({ length: times }, () => unreadable))
    renameSync(`${path}.away`, path)
    await passes(1000)
    expect(has('all')).toBe(true)
  }
})

test('openTokenFile() leaves a disk that hangs alone, and keeps what it had', async () => {
  const { logged, passes, has, reads, hang } = await open()
  hang()
  await passes(60_000)
  expect([has('all'), reads(), logged.length]).toEqual([true, 2, 1])
})

test('stop() ends it', async () => {
  const { file, passes, reads } = await open()
  file.stop()
  await passes(10_000)
  expect(reads()).toBe(1)
})
