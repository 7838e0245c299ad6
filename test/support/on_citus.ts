/** Tests whose ledger is distributed where LEDGER_TEST_CITUS_URL names a Citus. */
import { beforeEach, expect } from 'vitest'
import { CITUS_URL } from './citus_servers.ts'

const FOLDERS = /\/test\/(db\/functions|model|races)\//

const OPERATION = 'what it calls is not possible on a distributed ledger: LGDIS'
const DELETION = 'a distributed ledger keeps every user: 23503'
const INSIDE = 'it calls from within a query what looks into tables itself, which Citus refuses'
const SESSION = 'what SET changes in a session stays on the coordinator'
const TAMPERING = 'it edits rows by a statement that Citus refuses'
const ORDER = 'users are locked in the order of their shards, and Citus ends a deadlock: 40P01'
const MOMENT = 'a query over several users reads each shard at a moment of its own'
const ONE_SERVER = 'it is about how one server does it'

/** Whole files that can't hold there, and why. */
const FILES: Record<string, string> = {
  'db/functions/advance_webhook': OPERATION,
  'db/functions/break_glass': OPERATION,
  'db/functions/calls_in_shards': ONE_SERVER,
  'db/functions/claim_webhook': OPERATION,
  'db/functions/erase_user': OPERATION,
  'db/functions/get_changes': OPERATION,
  'db/functions/get_erasures': OPERATION,
  'db/functions/get_events': OPERATION,
  'db/functions/incarnation': ONE_SERVER,
  'db/functions/lock_accounts': ONE_SERVER,
  'db/functions/post_pending': INSIDE,
  'db/functions/shard_functions': ONE_SERVER,
  'db/functions/transfer_across': ONE_SERVER,
  'db/functions/verify_guards': ONE_SERVER,
  'db/functions/verify_interventions': OPERATION,
  'db/functions/verify_shards': ONE_SERVER,
  'db/functions/withdraw_entry': OPERATION,
  'races/mutations': ONE_SERVER,
}

/** Tests that can't hold there, by how their names begin, and why. */
const TESTS: Record<string, Record<string, string>> = {
  'db/functions/create_user': { 'a user who goes leaves': DELETION },
  'db/functions/debit_user': { 'debit_user() raises 55P03 after lock_timeout': SESSION },
  'db/functions/find_keys': { 'find_keys() reads no other keys': ONE_SERVER },
  'db/functions/get_users': { 'get_users() says when by the clock': ONE_SERVER },
  'db/functions/place_hold': { 'place_hold() goes by the clock': TAMPERING },
  'db/functions/transfer_at_once': {
    'two transfers in opposite directions': ORDER,
    'transfers move money and never make any': MOMENT,
  },
  'races/races': { 'changing history': OPERATION },
}

const pathOf = (name: string) => `test/${name}.test.ts`

const isOf = (path: string) =>
  FOLDERS.test(path) && !Object.keys(FILES).some((name) => path.endsWith(`/${pathOf(name)}`))

/** Why a test can't hold there; undefined if it can. */
function reasonOf(file: string, test: string): string | undefined {
  const whole = Object.entries(FILES).find(([name]) => pathOf(name) === file)
  if (whole) return whole[1]
  const tests = Object.entries(TESTS).find(([name]) => pathOf(name) === file)?.[1] ?? {}
  return Object.entries(tests).find(([beginning]) => test.startsWith(beginning))?.[1]
}

let isDistributed = false

/** Whether the databases of the test file that runs are those of a distributed ledger. */
export const isOnCitus = (): boolean => isDistributed

/** To be called before each file has hooks of its own. */
export function runOnCitus(): void {
  if (!CITUS_URL) return
  isDistributed = isOf(expect.getState().testPath ?? '')
  beforeEach(({ task: { file, name }, skip }) => {
    const reason = reasonOf(file.name, name)
    skip(reason !== undefined, reason)
  })
}
