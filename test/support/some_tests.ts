/** In a small share, files of slow tests run some of their tests, others in every run. */
import { beforeEach, type RunnerTestCase, type RunnerTestSuite } from 'vitest'
import { sample, SEED } from './share.ts'

/** Paths of files in which no test needs another one. */
const pathsOf = (...names: string[]) => names.map((name) => `test/${name}.test.ts`)

/** They start programs, or have many tests alike: a tenth of them is run. */
const SLOWEST = new Set(pathsOf(
  'client/packed',
  'console/console',
  'console/scopes',
  'db/anchor',
  'db/role_timeouts',
  'db/session_settings',
  'db/verify',
  'dev/embedded_postgres',
  'dev/start',
  'ops/ops',
  'project/docs_commands',
  'service/database_hosts',
  'service/database_tls',
  'src/app/app',
  'src/app/history',
  'src/app/openapi_lint',
  'src/auth/access',
  'src/auth/access_service',
  'src/ledger/contention',
  'src/service',
  'src/webhooks/webhooks',
))

/** A seventh of their tests is run. */
const SLOW = new Set(pathsOf(
  'bench/http_load',
  'client/client',
  'client/erased_statement',
  'db/add_hold_changes',
  'db/after_restore',
  'db/bank/import',
  'db/desk/reset',
  'db/desk/seed',
  'db/desk/status',
  'db/errors',
  'db/every_column',
  'db/examples',
  'db/functions/create_user',
  'db/functions/debit_user',
  'db/functions/debit_user_at_once',
  'db/functions/debit_user_keys',
  'db/functions/entry_hash',
  'db/functions/erase_user',
  'db/functions/find_key',
  'db/functions/post_pending',
  'db/functions/verify_guards',
  'db/functions/verify_interventions',
  'db/functions/verify_ledger',
  'db/functions/verify_ledger_guards',
  'db/functions/verify_references',
  'db/functions/verify_user',
  'db/functions/verify_user_pairs',
  'db/migrate',
  'db/new_migration',
  'db/preconditions',
  'db/privileges',
  'dev/new_token',
  'dev/redis_rest',
  'faults/webhooks',
  'fuzz/linear_work',
  'look_ups',
  'model/copies',
  'project/docs',
  'project/supply_chain',
  'service/database_deadlines',
  'service/deno_deploy',
  'service/events_after_restore',
  'service/outages',
  'service/pgbouncer',
  'service/stopping',
  'service/worker',
  'src/app/bad_input',
  'src/app/balances',
  'src/app/browsers',
  'src/app/bulk',
  'src/app/debits',
  'src/app/docs',
  'src/app/event_stream',
  'src/app/events',
  'src/app/holds',
  'src/app/item_keys',
  'src/app/list_admission',
  'src/app/long_reads',
  'src/app/openapi',
  'src/app/query',
  'src/app/search',
  'src/app/transfers',
  'src/app/users',
  'src/cache/change_poller',
  'src/cache/change_reader',
  'src/cache/snapshots',
  'src/cache/snapshots_faults',
  'src/cache/snapshots_in_step',
  'src/cache/snapshots_stores',
  'src/http/observe',
  'src/http/sequence',
  'src/ledger/shards',
  'src/ledger/statement',
  'src/ledger/verification',
  'src/server/aborted',
  'src/server/garbage',
  'src/server/http_server',
  'src/server/http_server_bodies',
  'src/server/limits',
  'src/server/pipelining',
  'src/telemetry/error_output',
  'src/telemetry/metrics',
))

const leastOf = (name: string) => SLOWEST.has(name) ? 0.1 : SLOW.has(name) ? 1 / 7 : 1

const testsIn = ({ tasks }: RunnerTestSuite): RunnerTestCase[] =>
  tasks.flatMap((task) => task.type === 'test' ? [task] : testsIn(task))
    .filter(({ mode }) => mode === 'run')

/** To be called before each file has hooks of its own. */
export function runSomeTests(): void {
  let taken: Set<string> | undefined
  beforeEach(({ task: { id, file }, skip }) => {
    const least = leastOf(file.name)
    if (least === 1) return
    if (!taken) {
      const tests = testsIn(file)
      const some = sample(`tests of ${file.name}`, tests, Math.ceil(tests.length * least))
      taken = new Set(some.map((test) => test.id))
    }
    skip(!taken.has(id), `not in this share: seed ${SEED}`)
  })
}
