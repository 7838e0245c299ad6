/** The functions of the database that a poll calls, each by name from one function. */
import { type Database, isoTimestamp } from '../database/database.ts'
import type { Changes, ChangesRequest } from './change_reader.ts'

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
  is_paused: boolean
}

/** Parses a bigint[] without nulls, as PostgreSQL prints it. */
const numbers = (literal: string | null): number[] =>
  literal === null || literal === '{}' ? [] : literal.slice(1, -1).split(',').map(Number)

/**
 * Calls ledger.get_changes: one statement that needs no session state, so it works through any
 * pooler.
 */
export async function getChanges(
  database: Database,
  { epoch, lastId, missing, awaited }: ChangesRequest,
): Promise<Changes> {
  const [row] = await database.run((sql) =>
    sql<ChangesRow[]>`
      select c.epoch_now, c.is_new, c.is_complete, c.read_at, c.oldest_open::text, c.horizon::text,
             c.last_id, c.still_missing::text, c.newly_missing::text, c.user_ids::text,
             c.versions::text, c.is_paused
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
    isPaused: row!.is_paused,
  }
}

/** Reads the id of the ledger, and which incarnation of its database this is. */
export async function getIdentity(
  database: Database,
): Promise<{ id: string; incarnation: string }> {
  const [row] = await database.run((sql) =>
    sql<{ id: string; incarnation: string }[]>`
      select ledger.ledger_id() as id, ledger.incarnation() as incarnation`
  )
  return row!
}

/** Has no instance believe a cached snapshot for three seconds. */
export async function pauseCache(database: Database): Promise<void> {
  await database.run((sql) => sql`select ledger.pause_cache()`)
}
