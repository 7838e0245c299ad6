/** Which test files a run takes, and in which order. */
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { sample } from './share.ts'

/** The longest first, so that no worker is left alone with one in the end. */
const LONG = [
  /\/faults\//,
  /docs_commands/,
  /\/console\//,
  /event_stream/,
  /from_nine/,
  /http_server/,
  /access_service/,
  /webhooks/,
  /\/fuzz\//,
  /\/model\//,
  /mutations/,
  /\/dev\//,
  /contention/,
  /plans/,
  /verification/,
]

/** Files that do the same kind of thing with long preparations: a small share takes one of each. */
export const KINDS: Record<string, readonly string[]> = {
  'in a browser': ['console/console', 'console/scopes', 'src/app/docs'],
  'with faults': ['faults/faults', 'faults/webhooks'],
  'on older schemas': [
    'db/add_hold_changes',
    'db/chain_controls',
    'db/extend_ledger',
    'db/from_nine',
    'db/same_answers',
  ],
  'on copies of a ledger': [
    'db/after_restore',
    'db/restore',
    'db/standby',
    'db/subscriber',
    'service/events_after_restore',
    'service/read_replicas',
    'storage',
  ],
  'that rewrite history': ['db/archive', 'db/close_ledger', 'client/erased_statement'],
  'of commands': ['db/command', 'db/errors', 'db/examples', 'db/preconditions'],
  'of what stands in for Redis': ['dev/redis_parity', 'dev/redis_rest'],
  'of a desk': ['db/desk/reset', 'db/desk/seed', 'db/desk/status'],
  'with settings of sessions': ['db/hostile_names', 'db/role_timeouts', 'db/session_settings'],
  'of a fresh clone': ['client/packed', 'project/docs_commands'],
  'of what is published': ['project/supply_chain', 'src/app/openapi_lint'],
  'of much at once': ['db/functions/verify_ledger_at_once', 'src/ledger/contention'],
  'of connections': [
    'service/database_deadlines',
    'service/database_hosts',
    'service/database_tls',
    'service/lost_responses',
    'service/pgbouncer',
  ],
  'of a process': ['service/log_readers', 'service/outages', 'service/stopping', 'src/service'],
  'of other runtimes': ['service/deno_deploy', 'service/worker'],
  'of long answers': ['src/app/event_stream', 'src/app/list_admission', 'src/app/long_reads'],
  'of long tables': ['fuzz/linear_work', 'look_ups', 'plans'],
  'of memory and sockets': ['src/server/aborted', 'src/server/garbage', 'src/server/limits'],
  'of what Prometheus reads': ['ops/ops', 'service/prometheus', 'src/telemetry/metrics'],
  'of access': ['src/auth/access', 'src/auth/access_service', 'src/auth/jwks'],
  'of tools of developers': ['db/new_migration', 'dev/new_token', 'project/help'],
  'of starting': ['dev/embedded_postgres', 'dev/start'],
}

const nameOf = ({ moduleId }: TestSpecification): string =>
  /\/test\/(.+)\.test\.ts$/.exec(moduleId)?.[1] ?? moduleId

export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) =>
      (LONG.findIndex((name) => name.test(moduleId)) + LONG.length + 1) % (LONG.length + 1)
    const sorted = await super.sort(takeOfEachKind(files))
    return sorted.sort((a, b) => place(a) - place(b))
  }
}

/** Of the files that were asked for: who names one runs it. */
function takeOfEachKind(files: readonly TestSpecification[]): TestSpecification[] {
  const left = new Set(files)
  for (const [kind, names] of Object.entries(KINDS)) {
    const ofKind = files.filter((file) => names.includes(nameOf(file)))
    if (ofKind.length < 2) continue
    const taken = sample(`files ${kind}`, ofKind)
    for (const file of ofKind) if (!taken.includes(file)) left.delete(file)
  }
  return [...left]
}
