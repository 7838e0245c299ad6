/**
 * Follows the changes of the ledger and misses none, without any notification.
 * docs/explanation/cache.md describes how.
 */
import type { Heard } from './heard.ts'

/** What ledger.get_changes answers. */
export interface Changes {
  epoch: string
  isNew: boolean
  isComplete: boolean
  readAt: string
  /** Every transaction with a lower id that may have changed something has ended. */
  oldestOpen: bigint
  horizon: bigint | undefined
  lastId: number
  stillMissing: number[]
  newlyMissing: number[]
  versions: [userId: number, version: number][]
  /** Whether some instance has had to tell all to believe no cached snapshot. */
  isPaused: boolean
}

export interface ChangesRequest {
  epoch: string | null
  lastId: number | null
  missing: number[]
  /** The highest horizon (a transaction id) that this reader waits for. */
  awaited: bigint | null
}

export interface Reading {
  /**
   * The id of the history. A copy of the database has another one, and so has one in which somebody
   * broke the glass.
   */
  epoch: string
  versions: [userId: number, version: number][]
  /**
   * Whether the history is new to this reader: nothing that was read before is known to be current.
   */
  isNew: boolean
  /** Whether there are more changes to read at once. */
  isPartial: boolean
  /**
   * Present if every change that was committed between these two moments, by the clock of the
   * database, has been read by now.
   */
  heard: Omit<Heard, 'at'> | undefined
  /**
   * Every number up to this one has been committed by now, or never will be. Undefined as long as
   * somebody is open who was so at the start.
   */
  settled: number | undefined
  /** The last number that was taken. */
  lastId: number
}

/**
 * Numbers that were not visible yet. Every transaction that may have taken one has an id below the
 * horizon.
 */
interface Missing {
  ids: number[]
  horizon: bigint
}

/**
 * Creates a reader. It follows the one sequence from which every posted entry and every change of a
 * hold takes a number. Transactions don't commit in that order, so a number below the highest that
 * was seen may still appear. Such numbers are asked for again until every transaction that was open
 * when they were found missing has ended: by then they are visible, or were rolled back. At the
 * start, in the same way, nothing counts as known until every transaction that was open then has
 * ended.
 */
export function createChangeReader(
  getChanges: (request: ChangesRequest) => Promise<Changes>,
): () => Promise<Reading> {
  let epoch: string | null = null
  let lastId: number | null = null
  let missing: Missing[] = []
  /** Transactions that were open at the start have ids below this. */
  let opening: bigint | null = null
  let oldestOpen = 0n
  let since: string | undefined

  function begin(changes: Changes): Reading {
    epoch = changes.epoch
    lastId = changes.lastId
    missing = []
    opening = changes.horizon!
    oldestOpen = 0n
    since = undefined
    return {
      epoch,
      versions: [],
      isNew: true,
      isPartial: true,
      heard: undefined,
      settled: undefined,
      lastId: changes.lastId,
    }
  }

  /** @param over transactions below it had ended when these changes were read */
  function remember({ stillMissing, newlyMissing: ids, horizon }: Changes, over: bigint) {
    const still = new Set(stillMissing)
    missing = missing.filter((group) => group.horizon > over)
      .map((group) => ({ ...group, ids: group.ids.filter((id) => still.has(id)) }))
      .filter((group) => group.ids.length > 0)
    if (horizon !== undefined) missing.push({ ids, horizon })
  }

  /** Below the lowest number that may still appear. */
  function settledPosition(last: number): number | undefined {
    if (opening !== null) return undefined
    let position = last
    for (const { ids } of missing) for (const id of ids) position = Math.min(position, id - 1)
    return position
  }

  return async () => {
    const ids = missing.flatMap((group) => group.ids)
    const awaited = missing.at(-1)?.horizon ?? opening
    const changes = await getChanges({ epoch, lastId, missing: ids, awaited })
    if (changes.isNew) return begin(changes)
    const { versions, isComplete, readAt, isPaused } = changes
    lastId = changes.lastId
    remember(changes, oldestOpen)
    oldestOpen = changes.oldestOpen
    if (opening !== null && opening <= oldestOpen) opening = null
    const isInStep = opening === null && isComplete
    if (isInStep) since ??= readAt
    const heard = isInStep ? { since: since!, readAt, isPaused } : undefined
    return {
      epoch: changes.epoch,
      versions,
      isNew: false,
      isPartial: !isComplete,
      heard,
      settled: settledPosition(changes.lastId),
      lastId: changes.lastId,
    }
  }
}
