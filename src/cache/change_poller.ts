/** Asks PostgreSQL four times a second which users changed, on a connection of its own. */
import type { Database, DatabaseOptions } from '../database/database.ts'
import { getChanges, getIdentity, pauseCache } from './change_functions.ts'
import { createChangeReader } from './change_reader.ts'
import type { Heard } from './heard.ts'
import { openPolled, type Polling, startPolling } from './polling.ts'
import type { SettledHistory } from './settled_history.ts'

export interface ChangeHandlers {
  /**
   * Called with the id of the ledger and its history, before `heard`, and again when it changes.
   */
  identified(history: string): void
  /** Called for each user that changed: snapshots below this version are out of date. */
  changed(id: number, version: number): void
  /** Called after `changed` was called for everything that the answer to a poll covers. */
  heard(heard: Heard): void
  /** Called after each poll, with how far the history is settled. */
  settled(history: SettledHistory): void
  /**
   * Called if a change may have been missed: no snapshot that was read so far is known to be
   * current.
   */
  lost(): void
  /** Called before each poll: whether to tell all instances to believe no cached snapshot. */
  mustPause(): boolean
  /** Called once if polls have failed for more than a second. */
  failed(error: unknown): void
}

/** Creates one poll, which tells of what was heard. */
function createPoll(database: Database, on: ChangeHandlers) {
  const read = createChangeReader((request) => getChanges(database, request))
  let wasNew = false
  let incarnation: string | undefined

  /**
   * Polls once.
   * @returns whether to poll again at once
   */
  return async function poll(at: number): Promise<boolean> {
    // If it fails it is called again; whether the database answers is for the poll to say.
    if (on.mustPause()) await pauseCache(database).catch(() => {})
    const { epoch, versions, isNew, isPartial, heard, settled, lastId } = await read()
    if (isNew) {
      on.lost()
      incarnation = undefined
    }
    if (incarnation === undefined) {
      const identity = await getIdentity(database)
      on.identified(`${identity.id}:${epoch}`)
      incarnation = identity.incarnation
    }
    for (const [id, version] of versions) on.changed(id, version)
    if (heard) on.heard({ ...heard, at })
    on.settled({ epoch, incarnation, position: settled, lastPosition: lastId })
    // If the history is new twice in a row, something is wrong, and polling faster won't help.
    const isHasty = isPartial && !(isNew && wasNew)
    wasNew = isNew
    return isHasty
  }
}

/**
 * Starts to poll, until it is stopped. Only the answer to a poll proves that changes were heard of,
 * and only those up to the moment when the poll began. docs/explanation/cache.md says why.
 */
export function startChangePoller(
  { now, ...target }: Pick<DatabaseOptions, 'url' | 'ssl'> & { now?: () => number },
  on: ChangeHandlers,
): Polling {
  const database = openPolled(target)
  const poll = createPoll(database, on)
  return startPolling({ poll, failed: (error) => on.failed(error), end: () => database.end(), now })
}
