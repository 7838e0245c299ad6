import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** The lines that .ci/count.mjs prints for a report of one file with tests of these states. */
function count(status: string, states: string[], message = ''): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-count-'))
  const assertionResults = states.map((state) => ({
    status: state,
    fullName: `a ${state} test`,
    failureMessages: state === 'failed' ? [`Error: ${state}\n\n${'    at x\n'.repeat(100)}`] : [],
  }))
  const file = { name: join(process.cwd(), 'test/x.test.ts'), status, message, assertionResults }
  writeFileSync(`${folder}/report.json`, JSON.stringify({ testResults: [file] }))
  const { stdout } = spawnSync('node', ['.ci/count.mjs', `${folder}/report.json`], {
    encoding: 'utf8',
  })
  rmSync(folder, { recursive: true })
  return stdout.trimEnd().split('\n')
}

test('passed, failed and skipped tests are counted, and failed ones named with their errors', () => {
  expect(count('failed', ['passed', 'failed', 'passed', 'skipped', 'todo'])).toEqual([
    'FAILED test/x.test.ts: a failed test',
    '  Error: failed',
    ...Array.from({ length: 59 }, () => '      at x'),
    '2 1 2',
  ])
})

test('a test that never ended has failed', () => {
  expect(count('passed', ['passed', 'pending']).at(-1)).toBe('1 1 0')
})

test('a file that fails outside of its tests has failed', () => {
  expect(count('failed', [], 'no such module\nat x')).toEqual([
    'FAILED test/x.test.ts',
    '  no such module',
    '  at x',
    '0 1 0',
  ])
  expect(count('failed', ['passed', 'skipped']).at(-1)).toBe('1 1 1')
})

test('a run without results has failed', () => {
  expect(count('passed', []).at(-1)).toBe('0 1 0')
  const { stdout } = spawnSync('node', ['.ci/count.mjs', 'no-such-report'], { encoding: 'utf8' })
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('0 1 0')
})
