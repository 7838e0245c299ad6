/** Users' snapshots, cached in Redis: a cache that may be slow or gone, never wrong. */
import { createFloors } from './floors.ts'
import { createBatcher } from './core/batcher.ts'
import { createInFlight } from './core/in_flight.ts'
import { parseEntry, type Snapshot, type Versioned } from './snapshot_entry.ts'
import { createSnapshotStore, type Found } from './snapshot_store.ts'

export type { Snapshot, Versioned } from './snapshot_entry.ts'

/**
 * Where a snapshot came from. `hit`: Redis. `miss`: PostgreSQL, as Redis had nothing that could be
 * used. `bypass`: PostgreSQL, as Redis wasn't asked or didn't answer.
 */
export type CacheStatus = 'hit' | 'miss' | 'bypass'

export interface SnapshotsOptions {
  /** Without it every read is a bypass. */
  redis?: { url: string; token: string }
  ttlSeconds: number
  /** One query for many users; who is absent from its result doesn't exist. */
  load: (ids: number[]) => Promise<Map<number, Versioned>>
  /** Called for each read or write that Redis failed, and each entry that isn't one. */
  onError: (operation: 'read' | 'write' | 'parse') => void
  /** Tells other instances of a version that couldn't be written to Redis. It may not throw. */
  announce?: (id: number, version: number) => void
  /** How long a read or a write may spend on Redis, waiting included. */
  timeoutMs?: number
  maxFloors?: number
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

export interface Snapshots {
  /**
   * The user as of now, or undefined for an unknown one. `fresh` asks PostgreSQL.
   * @throws QueueFull if too many wait for PostgreSQL, or whatever `load` rejected with
   */
  read(
    id: number,
    options?: { fresh?: boolean },
  ): Promise<{ snapshot: Snapshot; cache: CacheStatus } | undefined>
  /** Takes note of a new version. Never rejects, and takes no longer than timeoutMs. */
  write(entry: Versioned): Promise<void>
  /** Somebody else has raised this user's version. */
  changed(id: number, version: number): void
  /** A write of this user has an unknown outcome: nothing that is cached is believed. */
  doubt(id: number): void
  /** Since when (by the database's clock) no change by others is missed; null: some may be. */
  listening(since: string | null): void
  /** Settles once nothing is being read or written. */
  idle(): Promise<void>
}

const MAX_LOAD = 500
const MAX_LOAD_QUEUE = 20_000

/** How long before a hold expires its snapshot isn't trusted: more than a clock reading travels. */
const EXPIRY_MARGIN_MS = 1000

/** Between two sums of the same times. */
const ROUNDING_MS = 1

/**
 * A lower bound of the database's clock, from its own readings and the time passed since: so an
 * expiry is never judged by the clock of another machine.
 */
function createDatabaseClock(now: () => number) {
  let ahead = -Infinity
  return {
    observe(time: string) {
      ahead = Math.max(ahead, Date.parse(time) - now())
    },
    now: () => now() + ahead,
  }
}

export function createSnapshots(options: SnapshotsOptions): Snapshots {
  const { load, onError, announce, timeoutMs = 250, maxFloors = 100_000 } = options
  const now = options.now ?? (() => performance.now())
  const ttlMs = options.ttlSeconds * 1000
  const store = options.redis &&
    createSnapshotStore({ redis: options.redis, ttlMs, timeoutMs, now })
  // Twice the ttl: a late write of an older version may have prolonged its life once.
  const floors = createFloors({ keepMs: 2 * ttlMs, maxFloors, now })
  const databaseClock = createDatabaseClock(now)
  const inFlight = createInFlight()
  let listeningSince: string | null = null
  let setBack = { from: -Infinity, until: -Infinity }

  // Only the next query is joined, never one under way: it may have missed what was acknowledged
  // before this read began.
  const loads = createBatcher<number, Versioned | undefined>({
    maxBatch: MAX_LOAD,
    maxQueue: MAX_LOAD_QUEUE,
    now,
    async run(ids) {
      const found = await load([...new Set(ids)])
      return ids.map((id) => found.get(id))
    },
  })

  /** A change might have been missed before we listened; a floor tells of one that wasn't. */
  function isCurrent({ snapshot, version, read_at, expires_in_ms = Infinity }: Versioned): boolean {
    const readAt = Date.parse(read_at)
    const age = databaseClock.now() - readAt
    return listeningSince !== null && read_at >= listeningSince &&
      // Read before the clock of the database was set back, it may be older than it looks.
      age > -ROUNDING_MS && (readAt >= setBack.from || now() >= setBack.until) &&
      floors.accept(snapshot.id, version) && age < expires_in_ms - EXPIRY_MARGIN_MS
  }

  async function loadAndKeep(id: number, remove?: string): Promise<Versioned | undefined> {
    const entry = await loads.add(id)
    if (entry) databaseClock.observe(entry.read_at)
    if (store && (entry || remove !== undefined)) {
      const change = { ...(entry && { entry }), ...(remove !== undefined && { remove }) }
      // The reader doesn't wait for this.
      void inFlight.track(
        store.keep(id, change).then((kept) => {
          if (kept === 'failed') onError('write')
        }),
      )
    }
    return entry
  }

  /** The entry in what was found, if it can be used; else the text that has to go, if any. */
  function judge(id: number, found: Found): { entry?: Versioned; remove?: string } {
    if (typeof found === 'string') return {}
    const entry = parseEntry(id, found.text, found.score)
    if (entry) return isCurrent(entry) ? { entry } : {}
    onError('parse')
    // Its score may be above every version: left there, it would hide the right one for long.
    return { remove: found.text }
  }

  async function read(id: number, fresh: boolean) {
    if (store && !fresh && listeningSince !== null) {
      const found = await store.find(id)
      if (found !== 'failed' && found !== 'skipped') {
        const { entry, remove } = judge(id, found)
        if (entry) return { snapshot: entry.snapshot, cache: 'hit' as const }
        const loaded = await loadAndKeep(id, remove)
        return loaded && { snapshot: loaded.snapshot, cache: 'miss' as const }
      }
      if (found === 'failed') onError('read')
    }
    const loaded = fresh ? await loadAndKeep(id) : await loads.add(id)
    return loaded && { snapshot: loaded.snapshot, cache: 'bypass' as const }
  }

  async function write(entry: Versioned): Promise<void> {
    databaseClock.observe(entry.read_at)
    const { id } = entry.snapshot
    if (!store || await store.keep(id, { entry }) === 'kept') return
    floors.raise(id, entry.version)
    onError('write')
    announce?.(id, entry.version)
  }

  return {
    read: (id, { fresh = false } = {}) => inFlight.track(read(id, fresh)),
    write: (entry) => inFlight.track(write(entry)),
    changed: (id, version) => floors.raise(id, version),
    doubt(id) {
      floors.raise(id, Number.MAX_SAFE_INTEGER)
      announce?.(id, Number.MAX_SAFE_INTEGER)
    },
    listening(since) {
      listeningSince = since
      if (since === null) return
      // What the clock should show if nobody touched it, for as long as older entries may live.
      setBack = { from: databaseClock.now(), until: now() + 2 * ttlMs }
      databaseClock.observe(since)
    },
    idle: inFlight.idle,
  }
}
