/** Hears of users that changed: asks a few times a second, through one connection of its own. */
import {
  createDatabase,
  type Database,
  type DatabaseOptions,
  isoTimestamp,
} from '../database/database.ts'
import { type Changes, type ChangesRequest, createChangeReader } from './change_reader.ts'
import type { Heard } from './heard.ts'

const POLL_MS = 250
const QUERY_DEADLINE_MS = 2000
/** For how long polls may fail before somebody is told. */
const PATIENCE_MS = 1000

export interface ChangeHandlers {
  /** Whose history this is. Told before `heard`, and again when it is another one. */
  identified(history: string): void
  /** This user changed: whatever is below this version is out of date. */
  changed(id: number, version: number): void
  /** Everything has been told of that the answer to a poll proves. */
  heard(heard: Heard): void
  /** Something may have been missed: nothing that was read so far is known to be current. */
  lost(): void
  /** Polls have failed for more than a second; told once, until one succeeds. */
  failed(error: unknown): void
}

interface ChangesRow {
  epoch_now: string
  is_new: boolean
  is_complete: boolean
  read_at: string
  oldest_open: string
  horizon: string | null
  last_id: string
  still_missing: string | null
  newly_missing: string | null
  user_ids: string | null
  versions: string | null
}

/** Of a bigint[] without nulls, as PostgreSQL prints it. */
const numbers = (literal: string | null): number[] =>
  literal === null || literal === '{}' ? [] : literal.slice(1, -1).split(',').map(Number)

/** One statement without any state of the session: it may pass through any pooler. */
export async function getChanges(
  database: Database,
  { epoch, lastId, missing, awaited }: ChangesRequest,
): Promise<Changes> {
  const [row] = await database.run((sql) =>
    sql<ChangesRow[]>`
      select c.epoch_now, c.is_new, c.is_complete, c.read_at, c.oldest_open::text, c.horizon::text,
             c.last_id, c.still_missing::text, c.newly_missing::text, c.user_ids::text,
             c.versions::text
        from ledger.get_changes(epoch => ${epoch}::text, after_id => ${lastId}::bigint,
          missing => ${`{${missing.join(',')}}`}::bigint[],
          awaited => ${awaited?.toString() ?? null}::xid8) c`
  )
  const versions = numbers(row!.versions)
  return {
    epoch: row!.epoch_now,
    isNew: row!.is_new,
    isComplete: row!.is_complete,
    readAt: isoTimestamp(row!.read_at),
    oldestOpen: BigInt(row!.oldest_open),
    horizon: row!.horizon === null ? undefined : BigInt(row!.horizon),
    lastId: Number(row!.last_id),
    stillMissing: numbers(row!.still_missing),
    newlyMissing: numbers(row!.newly_missing),
    versions: numbers(row!.user_ids).map((id, i) => [id, versions[i]!]),
  }
}

async function getLedgerId(database: Database): Promise<string> {
  const [row] = await database.run((sql) => sql<{ id: string }[]>`select ledger.ledger_id() as id`)
  return row!.id
}

/** Settles after that time, or at once when it is cut short. */
const pause = (ms: number, cut: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer)
      cut.removeEventListener('abort', over)
      resolve()
    }
    const timer = setTimeout(over, ms)
    cut.addEventListener('abort', over)
    if (cut.aborted) over()
  })

/**
 * Polls until it is stopped. That changes are heard of is never assumed: only the answer to a poll
 * says so, and only up to the moment when that poll began.
 */
export function startChangePoller(
  { now = () => performance.now(), ...target }: Pick<DatabaseOptions, 'url' | 'ssl'> & {
    now?: () => number
  },
  on: ChangeHandlers,
): { stop(): Promise<void> } {
  const database = createDatabase({ ...target, max: 1, queryDeadlineMs: QUERY_DEADLINE_MS })
  const read = createChangeReader((request) => getChanges(database, request))
  const stopping = new AbortController()
  let wasNew = false
  let isIdentified = false
  let succeededAt = now()
  let hasFailed = false

  /** Answers whether to go on at once. */
  async function poll(at: number): Promise<boolean> {
    const { epoch, versions, isNew, isPartial, heard } = await read()
    if (isNew) {
      on.lost()
      isIdentified = false
    }
    if (!isIdentified) on.identified(`${await getLedgerId(database)}:${epoch}`)
    isIdentified = true
    for (const [id, version] of versions) on.changed(id, version)
    if (heard) on.heard({ ...heard, at })
    succeededAt = now()
    hasFailed = false
    // Twice new in a row: something is wrong, and no haste will help.
    const isHasty = isPartial && !(isNew && wasNew)
    wasNew = isNew
    return isHasty
  }

  async function run() {
    while (!stopping.signal.aborted) {
      const at = now()
      try {
        if (await poll(at)) continue
      } catch (error) {
        if (!hasFailed && now() - succeededAt > PATIENCE_MS) {
          hasFailed = true
          on.failed(error)
        }
      }
      await pause(Math.max(0, POLL_MS - (now() - at)), stopping.signal)
    }
  }

  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
      await database.end()
    },
  }
}
