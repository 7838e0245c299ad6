/**
 * Sends reads to a standby where its answer can't differ from the primary's: entries that it has
 * for certain, and moments that are final there. Whatever fails there, the primary answers.
 */
import { codeOf, Problem } from '../core/errors.ts'
import { invalidRequest } from '../core/invalid_request.ts'
import type { HistoryServer } from '../telemetry/series.ts'
import type { Ledger } from './functions.ts'
import type { LedgerReads, Moment } from './read_functions.ts'
import type { LedgerSearch } from './search_functions.ts'

/** Milliseconds between attempts on a standby that hasn't replayed an entry yet. */
const WAITS_MS = [10, 20, 40, 80, 100]
/** Milliseconds for which a standby that is away isn't asked again. */
const PAUSE_MS = 5_000

/** SQLSTATEs with which a standby answers, so that it isn't away. */
const ANSWERS = [
  'P0002', // of ledger.assert_replica: not replayed yet
  'LGUSR', // a new user
  '55P03', // a moment that isn't final there
  '40001', // a conflict with what is replayed
  '57014', // statement_timeout
  'NOT_FINAL',
]

export type ReplicaReads = Omit<LedgerReads, 'getEntry'> & Pick<LedgerSearch, 'findEntries'>

export interface ReplicaOptions {
  primary: Pick<Ledger, keyof ReplicaReads | 'getUsers'>
  /** Default: none. */
  standby?: ReplicaReads | undefined
  /** Names the primary's database; undefined: not known, and then no standby is asked. */
  incarnation: () => string | undefined
  onRead: (server: HistoryServer) => void
  /** Told once in a while that a standby is away. */
  onAway?: (error: unknown) => void
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

interface Read {
  userId?: number
  /** Undefined: only the primary may answer. */
  minSeq: number | undefined
}

/**
 * Creates the reads.
 * @returns functions that also throw Problem if the primary doesn't have the entry minSeq
 */
export function createReplicaReads(options: ReplicaOptions): ReplicaReads {
  const { primary, incarnation, onRead } = options
  const askStandby = createAskStandby(options)

  async function read<T>(
    { userId, minSeq }: Read,
    ask: (reads: ReplicaReads) => Promise<T>,
  ): Promise<T> {
    const isForStandby = minSeq !== undefined && options.standby !== undefined
    const answer = isForStandby ? await askStandby(ask) : undefined
    const instead = isForStandby ? 'fallback' : 'primary'
    onRead(answer ? 'standby' : instead)
    if (answer) return answer.value
    if (userId !== undefined && minSeq) await assertSeq(userId, minSeq)
    return await ask(primary)
  }

  async function assertSeq(userId: number, minSeq: number): Promise<void> {
    const user = (await primary.getUsers([userId])).get(userId)
    if (!user || user.snapshot.seq >= minSeq) return
    // DATABASE_URL may lead to a standby, which is behind.
    if (incarnation() === undefined) throw new Problem('busy')
    throw invalidRequest([{ path: ['min_seq'], message: 'must not be behind the last entry' }])
  }

  return {
    getMoments: (userId, moments, minSeq) =>
      read(
        { userId, minSeq },
        async (reads) =>
          reads === primary
            ? await reads.getMoments(userId, moments)
            : finalOf(moments, await reads.getMoments(userId, [...moments, null], minSeq)),
      ),
    getHistory: (userId, before, maxRows, minSeq) =>
      read({ userId, minSeq }, (reads) => reads.getHistory(userId, before, maxRows, minSeq)),
    findEntries: (userId, conditions, minSeq) =>
      read({ userId, minSeq }, (reads) => reads.findEntries(userId, conditions, minSeq)),
    // These callers have read the seq from the ledger before.
    getStatement: (userId, after, upto, maxRows) =>
      read({ minSeq: upto }, (reads) => reads.getStatement(userId, after, upto, maxRows)),
    verifyUserPage: (userId, after, maxRows, minSeq) =>
      read({ minSeq }, (reads) => reads.verifyUserPage(userId, after, maxRows, minSeq)),
    getBalances: (userIds, at) =>
      read({ minSeq: at === null ? undefined : 0 }, async (reads) => {
        const balances = await reads.getBalances(userIds, at)
        if (reads !== primary && balances.isFuture) throw notFinal()
        return balances
      }),
  }
}

/** Creates the function that asks the standby; undefined: the primary has to answer. */
function createAskStandby(
  { standby, incarnation, onAway, now = () => performance.now() }: ReplicaOptions,
) {
  let pausedUntil = -Infinity

  return async function askStandby<T>(
    ask: (reads: ReplicaReads) => Promise<T>,
  ): Promise<{ value: T } | undefined> {
    if (!standby || incarnation() === undefined || now() < pausedUntil) return undefined
    // Only one asks whether a standby that was away is back.
    if (pausedUntil !== -Infinity) pausedUntil = now() + PAUSE_MS
    for (let attempt = 0;; attempt++) {
      try {
        const value = await ask(standby)
        pausedUntil = -Infinity
        return { value }
      } catch (error) {
        const code = codeOf(error)
        if (ANSWERS.includes(code)) pausedUntil = -Infinity
        else {
          if (pausedUntil === -Infinity) onAway?.(error)
          pausedUntil = now() + PAUSE_MS
        }
        const wait = WAITS_MS[attempt]
        if (code !== 'P0002' || wait === undefined) return undefined
        await new Promise((resolve) => setTimeout(resolve, wait))
      }
    }
  }
}

/**
 * The moments without the last one, which is that of the last entry.
 * @throws unless they are final: by the entries, because a standby has a clock of its own
 */
function finalOf(asked: (string | null)[], moments: Moment[]): Moment[] {
  const last = moments.at(-1)!
  const rest = moments.slice(0, -1)
  const isFinal = ({ at, isFuture }: Moment, n: number) =>
    !isFuture && (asked[n] === null || at === null || at <= last.at!)
  if (!rest.every(isFinal)) throw notFinal()
  return rest
}

const notFinal = () => Object.assign(new Error('not final on a standby'), { code: 'NOT_FINAL' })
