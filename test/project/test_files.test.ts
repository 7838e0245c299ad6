import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/run_typescript.ts'
import { KINDS } from '../support/sequencer.ts'
import { SLOW, SLOWEST } from '../support/some_tests.ts'
import { casesOf, hasTests } from './test_files.ts'

/** The pictures for the docs, which vitest.config.ts runs only when they are asked for. */
const NOT_RUN = 'test/console/screenshots.ts'

test('every module of cases is run by one file of tests', () => {
  const files = readdirSync(join(PROJECT, 'test'), { recursive: true, encoding: 'utf8' })
    .map((file) => join('test', file)).filter(hasTests)
  const isRun = (file: string) => file.endsWith('.test.ts')
  // These have what a file of tests calls.
  const isShared = (file: string) => file.startsWith('test/support/')
  const cases = files.filter((file) => !isRun(file) && file !== NOT_RUN && !isShared(file))
  expect(cases.length).toBeGreaterThan(10)
  const run = readdirSync(join(PROJECT, 'test'), { recursive: true, encoding: 'utf8' })
    .map((file) => join('test', file)).filter(isRun).flatMap(casesOf)
  expect(run.sort()).toEqual(cases.sort())
})

test('the lists of slow test files name files, and none of them twice', () => {
  const ofKinds = Object.values(KINDS).flat()
  expect(new Set(ofKinds).size).toBe(ofKinds.length)
  expect([...SLOW].filter((path) => SLOWEST.has(path))).toEqual([])
  const paths = [...ofKinds.map((name) => `test/${name}.test.ts`), ...SLOW, ...SLOWEST]
  expect(paths.filter((path) => !existsSync(join(PROJECT, path)))).toEqual([])
})
