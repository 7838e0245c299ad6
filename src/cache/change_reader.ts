/** Reads what has changed in the ledger, with no need of anybody to tell, and misses nothing. */

/** What ledger.get_changes answers. */
export interface Changes {
  epoch: string
  isNew: boolean
  isComplete: boolean
  readAt: string
  /** Of the transactions below this number, those that may have changed something have ended. */
  oldestOpen: bigint
  horizon: bigint | undefined
  lastId: number
  stillMissing: number[]
  newlyMissing: number[]
  versions: [userId: number, version: number][]
}

export interface ChangesRequest {
  epoch: string | null
  lastId: number | null
  missing: number[]
  /** The highest horizon that is waited for. */
  awaited: bigint | null
}

export interface Reading {
  /** Names the history that it is about: not that of a copy, nor one that was changed by force. */
  epoch: string
  versions: [userId: number, version: number][]
  /** Nothing older is known to be current any more. */
  isNew: boolean
  /** Read on at once: there is more. */
  isPartial: boolean
  /**
   * Present if every change that was committed between these two moments, by the clock of the
   * database, has been read by now.
   */
  heard: { since: string; readAt: string } | undefined
}

/** Ids that were not visible; every transaction that may have taken one is below the horizon. */
interface Missing {
  ids: number[]
  horizon: bigint
}

/**
 * Follows the one sequence that every posted entry and every change of a hold takes a number from.
 * Transactions don't commit in that order: a number below the highest that was seen may still come.
 * Each of those is asked for again until everybody who was open when it was found missing has
 * ended: by then it is there, or was rolled back. In the same way, at the start, nothing is known
 * until everybody who was open then has ended.
 */
export function createChangeReader(
  getChanges: (request: ChangesRequest) => Promise<Changes>,
): () => Promise<Reading> {
  let epoch: string | null = null
  let lastId: number | null = null
  let missing: Missing[] = []
  /** Who was open at the start is below. */
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
    return { epoch, versions: [], isNew: true, isPartial: true, heard: undefined }
  }

  /** @param over transactions below it had ended when these changes were read */
  function remember({ stillMissing, newlyMissing: ids, horizon }: Changes, over: bigint) {
    const still = new Set(stillMissing)
    missing = missing.filter((group) => group.horizon > over)
      .map((group) => ({ ...group, ids: group.ids.filter((id) => still.has(id)) }))
      .filter((group) => group.ids.length > 0)
    if (horizon !== undefined) missing.push({ ids, horizon })
  }

  return async () => {
    const ids = missing.flatMap((group) => group.ids)
    const awaited = missing.at(-1)?.horizon ?? opening
    const changes = await getChanges({ epoch, lastId, missing: ids, awaited })
    if (changes.isNew) return begin(changes)
    const { versions, isComplete, readAt } = changes
    lastId = changes.lastId
    remember(changes, oldestOpen)
    oldestOpen = changes.oldestOpen
    if (opening !== null && opening <= oldestOpen) opening = null
    const isInStep = opening === null && isComplete
    if (isInStep) since ??= readAt
    const heard = isInStep ? { since: since!, readAt } : undefined
    return { epoch: changes.epoch, versions, isNew: false, isPartial: !isComplete, heard }
  }
}
