/**
 * SECURITY.md: every risk of the list is in its table, and what is said to prove something is
 * there.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/run_typescript.ts'
import { casesOf, hasTests } from './test_files.ts'

const read = (name: string) => readFileSync(join(PROJECT, name), 'utf8')
const page = read('SECURITY.md')

/** Of the table of risks: its number, what covers it, and the files that prove it. */
const risks = [...page.matchAll(/^\| API(\d+) [^|]+\| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, number, covered, proven]) => ({
    number: Number(number),
    covered: covered!,
    files: [...proven!.matchAll(/`([^`]+)`/g)].map(([, file]) => file!),
  }),
)

test('each of the ten risks is covered by something, and proven by a test', () => {
  expect(risks.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  for (const { number, covered, files } of risks) {
    expect(covered.length, `API${number}`).toBeGreaterThan(20)
    expect(files, `API${number}`).not.toEqual([])
  }
})

test('every file that the page names is there, and has tests where it has to', () => {
  const proofs = risks.flatMap(({ files }) => files)
  expect(proofs.filter((file) => !/^test\/.*\.test\.ts$/.test(file))).toEqual([])
  const links = [...page.matchAll(/\]\(([^)#]+)/g)].map(([, file]) => file!)
  expect([...proofs, ...links].filter((file) => !existsSync(join(PROJECT, file)))).toEqual([])
  // Here, too, a file of helpers would be no proof.
  expect(proofs.filter((file) => ![file, ...casesOf(file)].some(hasTests))).toEqual([])
})

test('README.md leads to the page', () => {
  expect(read('README.md')).toContain('](SECURITY.md)')
})
