/** Which files of test/ have tests of their own: those that are run, and modules of cases. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../support/run_typescript.ts'

/** What others import for its side effect alone: tests that a file beside it runs. */
const CASES = /^import '(\..+)'$/gm

/** Whether the file, given by its path in the project, imports `test` from vitest. */
export const hasTests = (file: string): boolean =>
  file.endsWith('.ts') &&
  /^import \{[^}]*\btest\b[^}]*\} from 'vitest'$/m.test(readFileSync(join(PROJECT, file), 'utf8'))

/** The modules of cases that a file runs, by their paths in the project. */
export const casesOf = (file: string): string[] =>
  [...readFileSync(join(PROJECT, file), 'utf8').matchAll(CASES)]
    .map(([, from]) => join(file, '..', from!))
