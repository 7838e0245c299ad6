/** In a small share, files of slow tests run some of their tests, others in every run. */
import { beforeEach, type RunnerTestCase, type RunnerTestSuite } from 'vitest'
import { sample, SEED } from './share.ts'

/** Of the tests of such a file. */
const LEAST = 0.25

/** No test of these needs another one of its file. */
const SLOW = new Set([
  'client/packed',
  'console/console',
  'console/scopes',
  'db/after_restore',
  'db/bank/import',
  'db/desk/reset',
  'db/desk/seed',
  'db/desk/status',
  'db/functions/entry_hash',
  'db/functions/verify_guards',
  'db/functions/verify_ledger',
  'db/migrate',
  'db/new_migration',
  'db/privileges',
  'db/role_timeouts',
  'db/session_settings',
  'db/verify',
  'dev/embedded_postgres',
  'dev/new_token',
  'dev/start',
  'fuzz/linear_work',
  'project/docs_commands',
  'service/database_hosts',
  'service/deno_deploy',
  'service/outages',
  'service/stopping',
  'service/worker',
  'src/app/app',
  'src/app/history',
  'src/app/openapi_lint',
  'src/app/users',
  'src/auth/access',
  'src/auth/access_service',
  'src/http/observe',
  'src/ledger/statement',
  'src/ledger/verification',
  'src/server/garbage',
  'src/server/http_server',
  'src/service',
  'src/telemetry/error_output',
  'src/webhooks/webhooks',
].map((name) => `test/${name}.test.ts`))

const testsIn = ({ tasks }: RunnerTestSuite): RunnerTestCase[] =>
  tasks.flatMap((task) => task.type === 'test' ? [task] : testsIn(task))
    .filter(({ mode }) => mode === 'run')

/** To be called before each file has hooks of its own. */
export function runSomeTests(): void {
  let taken: Set<string> | undefined
  beforeEach(({ task: { id, file }, skip }) => {
    if (!SLOW.has(file.name)) return
    if (!taken) {
      const tests = testsIn(file)
      const some = sample(`tests of ${file.name}`, tests, Math.ceil(tests.length * LEAST))
      taken = new Set(some.map((test) => test.id))
    }
    skip(!taken.has(id), `not in this share: seed ${SEED}`)
  })
}
