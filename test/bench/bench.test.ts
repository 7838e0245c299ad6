/** A short run of everything: its checks count, its numbers say nothing. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../run_typescript.ts'
import { onDeno } from '../service.ts'
import { parseOptions } from './options.ts'

/** Some thirty seconds, where nobody else is at work. */
const LIMIT_MS = 150_000
/** It runs on Node whatever the service runs on. */
const BENCH = [
  onDeno ? 'node' : process.execPath,
  '--import',
  'tsx',
  'test/bench/main.ts',
  '--quick',
  ...(onDeno ? ['--runtime', 'deno'] : []),
]

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-bench-test-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

interface Report {
  pairs: { name: string; ratios: number[] }[]
  failures: string[]
}

test('every row of the benchmark runs, and the ledgers it leaves are sound', async () => {
  const json = join(folder, 'bench.json')
  const bench = run([...BENCH, '--json', json], {})
  const status = await bench.ended
  expect(status, bench.output()).toBe(0)
  const { pairs, failures } = JSON.parse(readFileSync(json, 'utf8')) as Report
  expect(failures).toEqual([])
  expect(pairs.map(({ name }) => name)).toEqual([
    'spread',
    'hot',
    'long',
    'limit',
    'naive, spread',
    'naive, long',
    'idle',
    'reads',
    'crowd',
    'neighbour',
    'instances, two',
    'instances, four',
    'fair',
    'wal',
    'verify',
    'verify, sha256',
    'verify, copy',
    'memory, crowd',
    'memory, statement',
  ])
  for (const { ratios } of pairs) expect(ratios).toHaveLength(1)
}, LIMIT_MS)

test('a benchmark that cannot do what it is asked to says so', async () => {
  expect(() => parseOptions(['--only', 'nothing'])).toThrow('--only nothing')
  expect(() => parseOptions(['--runtime', 'other'])).toThrow('--runtime')
  expect(() => parseOptions(['--quick', '--goals'])).toThrow('--goals')
  expect(() => parseOptions(['--slow'])).toThrow("'--slow'")
  expect(await run([...BENCH, '--only', 'nothing'], {}).ended).toBe(1)
}, LIMIT_MS)
