import { expect, test } from 'vitest'
import type { Pair } from './pairs.ts'
import { type Report, textOf } from './report.ts'

const phase = (value: number) => ({
  value,
  requests: value,
  cpu_ms: { service: 1, postgres: 1, load: 1 },
})

function pairOf(name: string, a: number, b: number, goal?: Pair['goal']): Pair {
  const phases = (value: number) => [phase(value)]
  return {
    name,
    a: { name: 'a', phases: phases(a) },
    b: { name: 'b', phases: phases(b) },
    ratios: [a / b],
    goal,
  }
}

const REPORT: Report = {
  hardware: 'two cores',
  runtime: 'node',
  postgres: 'PostgreSQL',
  quick: false,
  seconds: 9,
  pairs: [pairOf('hot', 3, 2, { least: 1 }), pairOf('long', 1, 4, { least: 0.9 })],
  facts: { long: ['made in 3 s'] },
  failures: [],
}

test('a report has a table, its facts, and says which of its goals are missed', () => {
  const text = textOf(REPORT)
  expect(text).toContain('| hot | a ÷ b | **1.50** |')
  expect(text).toContain('- long: made in 3 s')
  expect(text.split('\n').at(-1)).toBe('All checks passed; 1 of 2 goals missed.')
})

test('a quick report has no numbers, goals or facts, and its checks', () => {
  const pairs = [pairOf('hot', 0, 2, { least: 1 }), pairOf('long', 1, 0, { most: 1 })]
  const text = textOf({ ...REPORT, quick: true, pairs })
  expect(text).toContain('Ran for a moment, without numbers: hot, long.')
  expect(text).not.toMatch(/NO|∞|Infinity|0\.00|made in|\|/)
  expect(text.split('\n').at(-1)).toBe('All checks passed.')
})

test('a report that nobody answered to shows no number for it', () => {
  expect(textOf({ ...REPORT, pairs: [pairOf('hot', 1, 0)] })).not.toMatch(/∞|Infinity|NaN/)
})

test.each([true, false])('what failed is listed instead of passing (quick: %s)', (quick) => {
  const text = textOf({ ...REPORT, quick, failures: ['hot: no good answer'] })
  expect(text).not.toContain('passed')
  expect(text.split('\n').slice(-2)).toEqual(['FAILED:', '- hot: no good answer'])
})
