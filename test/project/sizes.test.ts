/** How long a function, a file and a line may be. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/run_typescript.ts'
import { hasTests } from './test_files.ts'

const MAX_FUNCTION_LINES = 70
const MAX_FILE_LINES = 220
const MAX_COLUMNS = 100

/** Made by a program, so nobody reads them from top to bottom. */
const GENERATED = [
  '.ci/tools/package-lock.json',
  'client/api.ts',
  'db/functions/verify/expected_guards.sql',
  'db/schema.sql',
  'ops/grafana/ledger.json',
]
const MIGRATIONS = 'db/migrations/'

/** What the project had before, in one file, for the benchmark to measure against. */
const KEPT_SQL = 'test/bench/post_entries.sql'

const filesIn = (...folders: string[]) =>
  folders.flatMap((folder) =>
    readdirSync(join(PROJECT, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => join(folder, file))
  ).filter((file) => !GENERATED.includes(file))
const linesOf = (file: string) => readFileSync(join(PROJECT, file), 'utf8').split('\n')

/** Name and lines of the function in a file of db/functions. */
function sqlFunctionIn(file: string): [name: string, lines: number] {
  const lines = linesOf(file)
  const from = lines.findIndex((line) => line.startsWith('create or replace function'))
  const to = lines.findIndex((line, n) => n >= from && /\$\$;$|\$\$\$;$/.test(line))
  return [file.replace(/^.*\/|\.sql$/g, ''), to - from + 1]
}

/** A function, as the linter describes one that is too long. */
interface LongFunction {
  filename: string
  message: string
  labels: { span: { line: number } }[]
}

/** The functions of these files and folders with more lines than that, by the linter's parser. */
async function longFunctionsIn(paths: string[], max: number): Promise<LongFunction[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-sizes-'))
  const config = join(folder, 'oxlintrc.json')
  const rules = { 'eslint/max-lines-per-function': ['error', { max, IIFEs: true }] }
  await writeFile(config, JSON.stringify({ categories: { correctness: 'off' }, rules }))
  try {
    const lint = ['--config', config, '--format', 'json', ...paths]
    const { stdout } = await promisify(execFile)('node_modules/.bin/oxlint', lint, { cwd: PROJECT })
      .catch((error: { stdout: string }) => error)
    return (JSON.parse(stdout) as { diagnostics: LongFunction[] }).diagnostics
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The body of a `describe` is a list of tests. */
const isListOfTests = ({ filename, labels: [label] }: LongFunction) =>
  hasTests(filename) &&
  /^\s*(?:\)?\(|describe\b|.*\bdescribe\b)/.test(linesOf(filename)[label!.span.line - 1]!)

test(`no function has more than ${MAX_FUNCTION_LINES} lines`, async () => {
  const folders = ['.ci', 'client', 'console', 'db', 'dev', 'src', 'test']
  const long = await longFunctionsIn(folders, MAX_FUNCTION_LINES)
  const found = long.filter((one) => !isListOfTests(one))
    .map(({ filename, message, labels }) => `${filename}:${labels[0]!.span.line} ${message}`)
  expect(found).toEqual([])
})

test('a long function is found, whatever is in it', async () => {
  const found = await longFunctionsIn(['test/project/layout.test.ts'], 3)
  expect(found.some(({ message }) => message.includes('circleOf'))).toBe(true)
})

test(`no function of the database has more than ${MAX_FUNCTION_LINES} lines`, () => {
  const functions = filesIn('db/functions').filter((file) => file.endsWith('.sql'))
    .map(sqlFunctionIn)
  expect(functions.length).toBeGreaterThan(100)
  expect(functions.filter(([, lines]) => lines > MAX_FUNCTION_LINES)).toEqual([])
})

test(`no function of a script has more than ${MAX_FUNCTION_LINES} lines`, () => {
  const scripts = ['.ci/run', ...filesIn('docs').filter((file) => file.endsWith('.py'))]
  const functions = scripts.flatMap((file) =>
    [...linesOf(file).join('\n').matchAll(/^(?:def \w+|\w+\(\) \{).*\n(?:(?: .*)?\n)*/gm)]
      .map(([text]) => [file, text.trimEnd().split('\n')] as const)
  )
  expect(functions.length).toBeGreaterThan(10)
  expect(functions.filter(([, lines]) => lines.length > MAX_FUNCTION_LINES)).toEqual([])
})

test(`no file of code or settings has more than ${MAX_FILE_LINES} lines`, () => {
  const long = filesIn('.ci', 'client', 'console', 'db', 'dev', 'docs', 'ops', 'src', 'test')
    .filter((file) => /\.([cm]?[jt]s|css|html|json|py|sql|yml)$|^\.ci\/run$/.test(file))
    .filter((file) => file !== KEPT_SQL && !file.startsWith(MIGRATIONS))
    // What is behind the last line break is no line.
    .filter((file) => linesOf(file).length - 1 > MAX_FILE_LINES)
  expect(long).toEqual([])
})

test(`no line has more than ${MAX_COLUMNS} columns, but for a text that can't be broken`, () => {
  const long = filesIn('client', 'console', 'db', 'dev', 'src', 'test')
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      linesOf(file).flatMap((line, n) =>
        line.length > MAX_COLUMNS && !/['"`/].*\S/.test(line.replace(/^\s*(?:\/\/|\/?\*).*/, ''))
          ? [`${file}:${n + 1}`]
          : []
      )
    )
  expect(long).toEqual([])
})
