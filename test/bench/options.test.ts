import { expect, test } from 'vitest'
import { nodeCommand, run } from '../support/run_typescript.ts'
import { parseOptions } from './options.ts'

test('the rows are run in one order, however they are asked for', () => {
  expect(parseOptions(['--only', 'idle,spread', '--runtime', 'deno', '--json', 'x'])).toEqual({
    runtime: 'deno',
    postgresVersion: 18,
    only: ['spread', 'idle'],
    json: 'x',
    quick: false,
    goals: false,
  })
  expect(parseOptions(['--quick'])).toMatchObject({ runtime: 'node', quick: true })
  expect(parseOptions(['--postgres', '16'])).toMatchObject({ postgresVersion: 16 })
  expect(parseOptions(['--minutes', '10']).minutes).toBe(10)
  expect(parseOptions([]).only).toContain('memory')
})

test('what cannot be done is refused, with a word on it', () => {
  expect(() => parseOptions(['--only', 'nothing'])).toThrow('--only nothing')
  expect(() => parseOptions(['--runtime', 'other'])).toThrow('--runtime')
  expect(() => parseOptions(['--postgres', '15'])).toThrow('--postgres')
  expect(() => parseOptions(['--quick', '--goals'])).toThrow('--goals')
  expect(() => parseOptions(['--minutes', 'ten'])).toThrow('--minutes')
  expect(() => parseOptions(['--slow'])).toThrow("'--slow'")
})

test('a benchmark that cannot do what it is asked to fails', async () => {
  const command = nodeCommand('test/bench/main.ts')
  expect(await run([...command, '--only', 'nothing'], {}).ended).toBe(1)
})
