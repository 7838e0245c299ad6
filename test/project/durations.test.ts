/** No test ends because a machine has much to do. test/README.md says what to do instead. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/run_typescript.ts'
import { hasTests } from './test_files.ts'

/** What no line of a test may have, and where it still may, because it limits no work. */
const BANNED: Record<string, { pattern: RegExp; allowed: Record<string, string> }> = {
  'a limit of time for a test or a hook': {
    pattern: /^\s*\}\)?, [\d_]{4,}\)$|^\s*(?:test|it|describe)\b.*\btimeout: /,
    allowed: { 'test/project/docs_commands.test.ts': 'longer than others may take' },
  },
  'a limit of time for a wait': {
    // Ending a connection without waiting for its queries is no limit.
    pattern: /\btimeout: ?[1-9]|\bsetDefault(?:Navigation)?Timeout\([1-9]|\buntil\([^)]*[\d_]{4}/,
    allowed: {},
  },
  'an upper bound on a duration': {
    pattern: /expect\([^)]*(?:_ms|Ms\b|performance\.now|Date\.now|elapsed|took).*\.toBeLess/,
    allowed: {
      'test/src/cache/snapshots_stores.test.ts': 'how long an entry still lives',
      'test/db/functions/place_hold_expiry.test.ts': 'how long a hold still lives',
    },
  },
}

const files = readdirSync(join(PROJECT, 'test'), { recursive: true, encoding: 'utf8' })
  .map((file) => join('test', file))
  .filter((file) => hasTests(file) && file !== 'test/project/durations.test.ts')

test.each(Object.entries(BANNED))('no test has %s', (_, { pattern, allowed }) => {
  expect(files.length).toBeGreaterThan(100)
  const found = files.flatMap((file) =>
    readFileSync(join(PROJECT, file), 'utf8').split('\n')
      .flatMap((line, n) => pattern.test(line) ? [`${file}:${n + 1} ${line.trim()}`] : [])
  )
  const isAllowed = (place: string) => Object.keys(allowed).some((file) => place.startsWith(file))
  expect(found.filter((place) => !isAllowed(place))).toEqual([])
  // An exception that isn't needed any more goes.
  for (const file of Object.keys(allowed)) expect(found.some(isAllowed), file).toBe(true)
})

test.each([
  ['a limit of time for a test or a hook', '}, 60_000)'],
  ['a limit of time for a test or a hook', "test('a rule', { timeout: 5000 }, async () => {"],
  ['a limit of time for a wait', 'await button.click({ timeout: 5000 })'],
  ['a limit of time for a wait', 'page.setDefaultTimeout(10_000)'],
  ['an upper bound on a duration', 'expect(performance.now() - startedAt).toBeLessThan(50)'],
])('%s is found in %s', (what, line) => {
  expect(BANNED[what]!.pattern.test(line)).toBe(true)
})
