/** Asks PostgreSQL four times a second which users changed, on a connection of its own. */
import { createDatabase, type Database, type DatabaseOptions } from '../database/database.ts'
import { getChanges, getNames, pauseCache } from './change_functions.ts'
import { createChangeReader } from './change_reader.ts'
import type { Heard } from './heard.ts'

const POLL_MS = 250
const QUERY_DEADLINE_MS = 2000
/** How long polls may fail before `failed` is called. */
const PATIENCE_MS = 1000

/** How far a history is settled: no event up to `position` will be added any more. */
export interface SettledHistory {
  /** The id of the history: see Reading in change_reader.ts. */
  epoch: string
  /** Of the database: a copy or a restored one has another. */
  incarnation: string
  /** Undefined as long as it isn't known. */
  position: number | undefined
  /** Up to where positions have been given. */
  lastPosition: number
}

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

/** A wait between polls, which can be cut short. */
function createDelay() {
  let cut = () => {}
  return {
    cut: () => cut(),
    take: (ms: number) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        cut = () => {
          clearTimeout(timer)
          resolve()
        }
      }),
  }
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
      const names = await getNames(database)
      on.identified(`${names.id}:${epoch}`)
      incarnation = names.incarnation
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

export interface ChangePoller {
  /** Resolves after a poll that began from now on, whether or not it failed. */
  refresh(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts to poll, until it is stopped. Only the answer to a poll proves that changes were heard of,
 * and only those up to the moment when the poll began. docs/explanation/cache.md says why.
 */
export function startChangePoller(
  { now = () => performance.now(), ...target }: Pick<DatabaseOptions, 'url' | 'ssl'> & {
    now?: () => number
  },
  on: ChangeHandlers,
): ChangePoller {
  const database = createDatabase({ ...target, max: 1, queryDeadlineMs: QUERY_DEADLINE_MS })
  const poll = createPoll(database, on)
  const delay = createDelay()
  /** Those who wait for the next poll. */
  let waiting: (() => void)[] = []
  const stopping = new AbortController()
  let succeededAt = now()
  let hasFailed = false

  async function run() {
    while (!stopping.signal.aborted) {
      const at = now()
      const served = waiting
      waiting = []
      let isHasty = false
      try {
        isHasty = await poll(at)
        succeededAt = now()
        hasFailed = false
      } catch (error) {
        if (!hasFailed && now() - succeededAt > PATIENCE_MS) {
          hasFailed = true
          on.failed(error)
        }
      }
      for (const resolve of served) resolve()
      if (!isHasty && waiting.length === 0) await delay.take(Math.max(0, POLL_MS - (now() - at)))
    }
  }

  const running = run()
  return {
    refresh: () =>
      new Promise((resolve) => {
        if (stopping.signal.aborted) return resolve()
        waiting.push(resolve)
        delay.cut()
      }),
    async stop() {
      stopping.abort()
      delay.cut()
      await running
      for (const resolve of waiting) resolve()
      await database.end()
    },
  }
}
