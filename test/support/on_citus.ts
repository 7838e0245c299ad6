/** Tests whose ledger is distributed where LEDGER_TEST_CITUS_URL names a Citus. */
import { beforeEach, expect } from 'vitest'
import { CITUS_URL } from './citus_servers.ts'

const FOLDERS = /\/test\/(db\/functions|model|races)\//

/** Whole files that can't hold there, and why. */
const FILES: Record<string, string> = {}

/** Tests that can't hold there, by how their names begin, and why. */
const TESTS: Record<string, Record<string, string>> = {}

const pathOf = (name: string) => `test/${name}.test.ts`

const isOf = (file: string) =>
  CITUS_URL !== undefined && FOLDERS.test(file) &&
  !Object.keys(FILES).some((name) => file.endsWith(`/${pathOf(name)}`))

let isDistributed = false

/** Whether the databases of the test file that runs are those of a distributed ledger. */
export const isOnCitus = (): boolean => isDistributed

/** To be called before each file has hooks of its own. */
export function runOnCitus(): void {
  if (!CITUS_URL) return
  isDistributed = isOf(expect.getState().testPath ?? '')
  beforeEach(({ task: { file, name }, skip }) => {
    const reason = Object.entries(FILES).find(([path]) => pathOf(path) === file.name)?.[1] ??
      Object.entries(TESTS).filter(([path]) => pathOf(path) === file.name)
        .flatMap(([, tests]) => Object.entries(tests))
        .find(([begin]) => name.startsWith(begin))?.[1]
    skip(reason !== undefined, reason)
  })
}
