/** In a small share, files of slow tests run some of their tests, others in every run. */
import { beforeAll, type RunnerTestCase, type RunnerTestSuite } from 'vitest'
import { sample, SEED } from './share.ts'

/** Paths of files in which no test needs another one. */
const pathsOf = (...names: string[]) => names.map((name) => `test/${name}.test.ts`)

/** They start programs, or have many tests alike: a tenth of them is run. */
export const SLOWEST = new Set(pathsOf(
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
export const SLOW = new Set(pathsOf(
  'bench/http_load',
  'bench/ledger_database',
  'bench/options',
  'client/client',
  'client/erased_statement',
  'client/hash_versions',
  'db/add_hold_changes',
  'db/after_restore',
  'db/bank/import',
  'db/desk/reset',
  'db/desk/seed',
  'db/desk/status',
  'db/errors',
  'db/every_column',
  'db/examples',
  'db/functions/balance_at',
  'db/functions/break_glass',
  'db/functions/capture_hold',
  'db/functions/create_user',
  'db/functions/debit_user',
  'db/functions/debit_user_at_once',
  'db/functions/debit_user_keys',
  'db/functions/debit_users_at_once',
  'db/functions/entry_hash',
  'db/functions/erase_user',
  'db/functions/find_key',
  'db/functions/freeze_user',
  'db/functions/get_balances',
  'db/functions/get_changes',
  'db/functions/guard_history',
  'db/functions/place_hold',
  'db/functions/post',
  'db/functions/post_pending',
  'db/functions/reverse_entry',
  'db/functions/transfer_at_once',
  'db/functions/verify_controls',
  'db/functions/verify_guards',
  'db/functions/verify_interventions',
  'db/functions/verify_ledger',
  'db/functions/verify_ledger_at_once',
  'db/functions/verify_ledger_guards',
  'db/functions/verify_manual_entries',
  'db/functions/verify_references',
  'db/functions/verify_user',
  'db/functions/verify_user_pairs',
  'db/functions/withdraw_entry',
  'db/migrate',
  'db/new_migration',
  'db/payment_history',
  'db/preconditions',
  'db/privileges',
  'dev/new_token',
  'dev/redis_rest',
  'faults/webhooks',
  'fuzz/linear_work',
  'look_ups',
  'model/copies',
  'plans',
  'project/count',
  'project/docs',
  'project/node_version',
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
  'src/app/controls',
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
  'src/app/user_directory',
  'src/app/users',
  'src/auth/jwks',
  'src/cache/change_poller',
  'src/cache/change_reader',
  'src/cache/snapshots',
  'src/cache/snapshots_faults',
  'src/cache/snapshots_in_step',
  'src/cache/snapshots_stores',
  'src/core/batcher_keys',
  'src/database/database',
  'src/http/observe',
  'src/http/rate_limit',
  'src/http/sequence',
  'src/ledger/lock_holders',
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
  'src/telemetry/service_metrics',
  'storage',
))

const leastOf = (name: string) => SLOWEST.has(name) ? 0.1 : SLOW.has(name) ? 1 / 7 : 1

const testsIn = ({ tasks }: RunnerTestSuite): RunnerTestCase[] =>
  tasks.flatMap((task) => task.type === 'test' ? [task] : testsIn(task))
    .filter(({ mode }) => mode === 'run')

/** For test/run_reporter.ts. */
const SKIPPED = { state: 'skip' as const, note: `not in this share: seed ${SEED}` }

/** Skips the other tests, and each suite that has none of these, with its hooks. */
function runOnly(taken: Set<RunnerTestCase>, suite: RunnerTestSuite): void {
  for (const task of suite.tasks) {
    if (task.mode !== 'run') continue
    if (task.type === 'suite') runOnly(taken, task)
    const isTaken = task.type === 'suite' ? testsIn(task).length > 0 : taken.has(task)
    if (isTaken) continue
    task.mode = 'skip'
    task.result = { ...SKIPPED }
  }
}

/** To be called before each file has hooks of its own. */
export function runSomeTests(): void {
  // Vitest reads from the pattern which fixtures are wanted.
  // oxlint-disable-next-line no-empty-pattern
  beforeAll(({}, { file }) => {
    const tests = testsIn(file)
    const least = Math.floor(tests.length * leastOf(file.name))
    if (least === tests.length) return
    runOnly(new Set(sample(`tests of ${file.name}`, tests, Math.max(1, least))), file)
  })
}
