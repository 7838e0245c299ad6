/** Says in the log who holds users locked that operations wait for. */
import { unref } from '../core/unref.ts'
import type { Database } from '../database/database.ts'
import type { Log } from '../telemetry/log.ts'

const INTERVAL_MS = 1000
/** A service has some twenty connections, so what is beyond says nothing new. */
const MAX_HOLDERS = 20

/** A transaction that has locked users, and waits for nobody itself. */
export interface LockHolder {
  /** `process 42`, or `prepared transaction "gid"`, which has none. */
  name: string
  /** Names it, so that a later one of the same process is another one. */
  transaction: string
  role: string | null
  application: string | null
  /** When it began, or this moment if the service may not know that. */
  since: string
}

/** All lock holders, whether or not somebody waits for them. */
export async function readLockHolders(database: Database): Promise<LockHolder[]> {
  return await database.run((sql) =>
    sql<LockHolder[]>`
      select distinct coalesce('process ' || l.pid,
               pg_catalog.format('prepared transaction "%s"', p.gid)) as name,
             l.virtualtransaction as transaction, coalesce(a.usename, p.owner)::text as role,
             a.application_name as application,
             pg_catalog.to_char(
               coalesce(a.xact_start, p.prepared, pg_catalog.clock_timestamp())
                 at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as since
        from pg_catalog.pg_locks l
        join pg_catalog.pg_locks x
          on x.virtualtransaction = l.virtualtransaction and x.locktype = 'transactionid'
        left join pg_catalog.pg_stat_activity a on a.pid = l.pid
        left join pg_catalog.pg_prepared_xacts p on p.transaction = x.transactionid
       where l.locktype = 'relation' and l.relation = 'public.users'::pg_catalog.regclass
         and l.database = (
           select d.oid from pg_catalog.pg_database d
            where d.datname = pg_catalog.current_database())
         and l.mode in ('RowShareLock', 'RowExclusiveLock') and x.granted and not exists (
           select from pg_catalog.pg_locks w
            where w.virtualtransaction = l.virtualtransaction and not w.granted)
       order by since limit ${MAX_HOLDERS}`
  )
}

export interface LockHoldersOptions {
  lockedUsers: () => number
  read: () => Promise<LockHolder[]>
  log: Pick<Log, 'warn'>
  intervalMs?: number
}

/**
 * Looks once a second whether users are locked while operations wait. Only then it asks who has
 * locked some, and logs those who had already done so a second before.
 * @returns what ends it
 */
export function watchLockHolders(options: LockHoldersOptions): () => void {
  const { lockedUsers, read, log, intervalMs = INTERVAL_MS } = options
  let known = new Map<string, LockHolder>()
  let isLooking = false

  async function look(): Promise<void> {
    // Whoever can't read now has another try in a second, and the metric.
    const holders = lockedUsers() > 0 ? await read().catch(() => []) : []
    const before = known
    known = new Map(holders.map((one) => [one.transaction, before.get(one.transaction) ?? one]))
    for (const { name, transaction, ...about } of known.values()) {
      if (!before.has(transaction)) continue
      log.warn('users are locked', name, { ...about, users: lockedUsers() })
    }
  }

  const timer = unref(setInterval(() => {
    // One answer at a time, however long it takes.
    if (isLooking) return
    isLooking = true
    void look().finally(() => isLooking = false)
  }, intervalMs))
  return () => clearInterval(timer)
}
