/** Tests whose ledger is distributed where LEDGER_TEST_CITUS_URL names a Citus. */
import { beforeEach, expect } from 'vitest'
import { CITUS_URL } from './citus_servers.ts'

const FOLDERS = /\/test\/(db\/functions|model|races)\//

const OPERATION = 'what it calls is not possible on a distributed ledger: LGDIS'
const DELETION = 'a distributed ledger keeps every user: 23503'
const INSIDE = 'it calls from within a query what looks into tables itself, which Citus refuses'
const SESSION = 'what SET changes in a session stays on the coordinator'
const TAMPERING = 'it edits rows by a statement that Citus refuses'
const SAME_TRANSACTION =
  'verification looks at each shard on a connection of its own, which would wait for this transaction'
const ISOLATION = 'no snapshot is of several servers: READ COMMITTED only, or LGMOV'
const NUMBERS = 'each server numbers what happens there'
const ROW = 'a row of a shard is of another type'
const ORDER = 'users are locked in the order of their shards, and Citus ends a deadlock: 40P01'
const MOMENT = 'a query over several users reads each shard at a moment of its own'
const DEFERRED = 'what the commit will chain keeps TRUNCATE away by itself: 55006'
const LOGIN = 'Citus goes on to the servers only as a role that may log in: 08006'
const ONE_SERVER = 'it is about how one server does it'

/** Whole files that can't hold there, and why. */
const FILES: Record<string, string> = {
  'db/functions/calls_in_shards': ONE_SERVER,
  'db/functions/get_changes': OPERATION,
  'db/functions/get_events': OPERATION,
  'db/functions/get_shard_events': ONE_SERVER,
  'db/functions/get_shard_journal': ONE_SERVER,
  'db/functions/pause_cache': OPERATION,
  'db/functions/post_in_shards': ONE_SERVER,
  'db/functions/post_pending': INSIDE,
  'db/functions/shard_functions': ONE_SERVER,
  'db/functions/transfer_across': ONE_SERVER,
  'db/functions/verify_guards': ONE_SERVER,
  'db/functions/verify_ledger_guards': SAME_TRANSACTION,
  'db/functions/verify_shards': ONE_SERVER,
  'races/mutations': ONE_SERVER,
}

/** Tests that can't hold there, by how their names begin, and why. */
const TESTS: Record<string, Record<string, string>> = {
  'db/functions/balance_at': {
    'balance_at() waits for whoever': SESSION,
    'balance_at() agrees with the sum': INSIDE,
  },
  'db/functions/break_glass': {
    'LGIMM for truncate interventions': DEFERRED,
    'whoever was granted UPDATE': LOGIN,
  },
  'db/functions/debit_user_at_once': { 'debit_user() raises 55P03 after lock_timeout': SESSION },
  'db/functions/debit_users_at_once': { 'debit_users() under repeatable read': ISOLATION },
  'db/functions/find_keys': { 'find_keys() reads no other keys': ONE_SERVER },
  'db/functions/get_balances': {
    'get_balances() waits for a transfer': SESSION,
    'the total of a bank': MOMENT,
  },
  'db/functions/get_users': { 'get_users() says when by the clock': ONE_SERVER },
  'db/functions/guard_user': { 'a user without anything may go': DELETION },
  'db/functions/is_mark': { 'other text in payment_history': ROW },
  'db/functions/lock_accounts': { 'lock_accounts() locks in id order': ORDER },
  'db/functions/post': {
    'post() puts what it does to a user': NUMBERS,
    'post() with wait raises 55P03': SESSION,
  },
  'db/functions/recalculate_balance': { 'recalculate_balance() raises 55P03': SESSION },
  'db/functions/transfer_at_once': {
    'two transfers in opposite directions': ORDER,
    'what was committed before both users': ORDER,
    'transfers move money and never make any': MOMENT,
  },
  'db/functions/verify_controls': {
    'verify_ledger() finds those of another user': TAMPERING,
  },
  'db/functions/verify_ledger': {
    'verify_ledger() takes a restored dump': SAME_TRANSACTION,
  },
  'db/functions/verify_manual_entries': {
    'manual_entry_invalid finds a moved entry': TAMPERING,
    'manual_entries has who had logged in': ROW,
  },
  'db/functions/verify_references': {
    'verify_ledger() finds that a user was given': TAMPERING,
  },
  'races/races': { 'changing history': OPERATION, 'users locked in opposite': ORDER },
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

/** The SQLSTATEs of a statement that has to be refused with this one, or is by Citus before. */
export const refusedWith = (code: string): string[] =>
  isDistributed ? [code, '0A000', '22004', 'XX000'] : [code]

/** To be called before each file has hooks of its own. */
export function runOnCitus(): void {
  if (!CITUS_URL) return
  isDistributed = isOf(expect.getState().testPath ?? '')
  beforeEach(({ task: { file, name }, skip }) => {
    const reason = reasonOf(file.name, name)
    skip(reason !== undefined, reason)
  })
}
