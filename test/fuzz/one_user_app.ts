/** An app whose ledger knows one user with one entry. */
import { createHash } from 'node:crypto'
import { createAccess } from '../../src/auth/access.ts'
import { createJwtVerifier } from '../../src/auth/access_jwt.ts'
import { createApp } from '../../src/app/app.ts'
import { createFailureLimit } from '../../src/auth/failure_limit.ts'
import { DEFAULT_LIMITS } from '../../src/config/limits.ts'
import { type Entry, type StatementEntry } from '../../src/ledger/rows.ts'
import type { Outcome, UserOutcome } from '../../src/ledger/operations.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import type { Versioned } from '../../src/cache/snapshot_entry.ts'
import { createEvents } from '../../src/ledger/events.ts'
import { NO_DIGEST } from '../../src/ledger/event_cursor.ts'

export const TOKEN = 'ledger_known'
const AT = '2026-01-01T00:00:00.000000Z'
const ENTRY: Entry = { seq: 1, action: 'DEBIT', amount: '1.00', balance: '1.00', ts: AT, hash: '' }
const VERSIONED: Versioned = {
  snapshot: { id: 1, balance: '1.00', available: '1.00', seq: 1, updated_at: AT },
  version: 1,
  read_at: AT,
}
export const LINE: StatementEntry = { ...ENTRY, posted_at: AT, held: '0.00' }
const USER: UserOutcome = {
  userId: 1,
  snapshot: VERSIONED.snapshot,
  entry: ENTRY,
  hold: {
    hold: 1,
    user_id: 1,
    amount: '1.00',
    status: 'active',
    expires_at: null,
    available: '0.00',
  },
}
const OUTCOME: Outcome = { status: 'ok', replayed: false, users: [USER, USER] }

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const answer = <T>(value: T) => () => Promise.resolve(value)

/** An app whose ledger knows one user with one entry. */
export function appOf(isClosed: boolean) {
  const metrics = createMetrics()
  const caller = { name: 'one', scopes: new Set(['debit', 'read'] as const) }
  const access = createAccess({
    tokens: new Map([[sha256(TOKEN), caller]]),
    verifyJwt: createJwtVerifier({
      key: { secret: 'x'.repeat(32) },
      algorithms: ['HS256'],
      issuer: 'i',
      audience: 'a',
    }),
    sha256,
    failures: createFailureLimit({ perMinute: 1_000_000 }),
    metrics,
  })
  const end = { position: 0, digest: NO_DIGEST, through: 0 }
  const events = createEvents({ getEvents: answer({ found: [], end }) })
  events.settled({ epoch: 'epoch', incarnation: '00000000', position: 1, lastPosition: 1 })
  const moment = { at: AT, seq: 1, balance: '1.00', hash: '', isFuture: false }
  return createApp({
    // Larger than any text here.
    limits: { ...DEFAULT_LIMITS, maxBodyBytes: 2 ** 24, maxDebitsBodyBytes: 2 ** 24 },
    ...(isClosed && { access }),
    rate: { requests: 1_000_000, seconds: 1 },
    ledger: {
      createUser: answer({ id: 1, created: true, replayed: false, created_at: AT }),
      listUsers: answer([]),
      findEntries: answer({ entries: [], scannedTo: undefined }),
      findKeys: answer([]),
      listHolds: answer({ holds: [], scannedTo: undefined }),
      setControl: answer({ frozen_at: null, credit_limit: '0.00' }),
      getUserState: answer({ frozen_at: null, credit_limit: '0.00' }),
      listControls: answer([]),
      getUsers: answer(new Map([[1, VERSIONED]])),
      getHistory: answer([ENTRY]),
      getStatement: answer([LINE]),
      getEntry: answer(ENTRY),
      getBalances: answer({ at: AT, isFuture: false, balances: [] }),
      getMoments: answer([moment, moment]),
    },
    events,
    refreshEvents: answer(undefined),
    readJournal: answer({ entries: [], next: null }),
    verify: answer({ entries: 1, findings: [], isPartial: false }),
    write: answer(OUTCOME),
    snapshots: {
      read: answer({ snapshot: VERSIONED.snapshot, cache: 'hit' as const }),
      invalidate: () => {},
    },
    metrics,
    notReady: answer(undefined),
    onFailure: (what, error) => {
      throw new Error(what, { cause: error })
    },
  })
}
