/**
 * Reads and writes users' snapshots, cached in Redis. A cached snapshot is only shown if it is
 * known to be current; docs/explanation/cache.md has the rules.
 */
import { createCachePause } from './cache_pause.ts'
import type { Heard } from './heard.ts'
import { createMinimumVersions } from './minimum_versions.ts'
import { createValidity, type Validity } from './validity.ts'
import { Batcher } from '../core/batcher.ts'
import { createInFlight } from '../core/in_flight.ts'
import { parseEntry, type Snapshot, type Versioned } from './snapshot_entry.ts'
import { createSnapshotStore, type Found, type SnapshotStore } from './snapshot_store.ts'

export type { Snapshot, Versioned } from './snapshot_entry.ts'

/**
 * Where a snapshot came from. `hit`: from Redis. `miss`: from PostgreSQL, because Redis had none
 * that could be shown. `bypass`: from PostgreSQL, because Redis wasn't asked or didn't answer.
 */
export type CacheStatus = 'hit' | 'miss' | 'bypass'

export interface SnapshotsOptions {
  /** Default: no cache, every read is a `bypass`. */
  redis?: { url: string; token: string }
  ttlSeconds: number
  /** Reads many users in one query. A user who is absent from the result doesn't exist. */
  load: (ids: number[]) => Promise<Map<number, Versioned>>
  /** Called for each read or write that Redis failed, and each entry that isn't one. */
  onError: (operation: 'read' | 'write' | 'parse') => void
  /** How long a read or a write may spend on Redis, waiting included. */
  timeoutMs?: number
  /**
   * How long a cached snapshot is believed after the beginning of the last poll that was answered.
   */
  maxSilenceMs?: number
  maxMinimumVersions?: number
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

export interface Snapshots {
  /**
   * Reads a user; undefined for an unknown one. `fresh` asks PostgreSQL.
   * @throws QueueFull if too many reads wait for PostgreSQL, or whatever `load` rejected with
   */
  read(
    id: number,
    options?: { fresh?: boolean },
  ): Promise<{ snapshot: Snapshot; cache: CacheStatus } | undefined>
  /** Stores a new version. Never rejects, and takes no longer than timeoutMs. */
  write(entry: Versioned): Promise<void>
  /** Notes that somebody else raised this user's version. */
  changed(id: number, version: number): void
  /** A write has an unknown outcome: this instance believes no cached snapshot of the user. */
  invalidate(id: number): void
  /** Sets the id of the ledger and its history, before which Redis isn't used. */
  identified(history: string): void
  /** Notes that all changes by others are known. */
  heard(heard: Heard): void
  /**
   * Notes that changes may have been missed: until `heard` no cached snapshot is believed, and
   * afterwards none that was read before its `since`.
   */
  lost(): void
  /** Whether all instances have to be told now that writes of this one don't reach Redis. */
  mustPause(): boolean
  /** How long ago the last poll began that proved that no change is missed, in milliseconds. */
  lagMs: () => number
  /** Settles once nothing is being read or written. */
  idle(): Promise<void>
}

/** Changes that were committed a second ago have to show. */
const MAX_SILENCE_MS = 1000
const MAX_MINIMUM_VERSIONS = 100_000

const MAX_LOAD = 500
const MAX_LOAD_QUEUE = 20_000

/**
 * Creates the loader from PostgreSQL. A read joins the next query, never one in flight: that one
 * may have missed a write that was acknowledged before this read began.
 */
const createLoads = (load: SnapshotsOptions['load'], now: () => number) =>
  new Batcher<number, Versioned | undefined>({
    maxBatch: MAX_LOAD,
    maxQueue: MAX_LOAD_QUEUE,
    now,
    async run(ids) {
      const found = await load([...new Set(ids)])
      return ids.map((id) => found.get(id))
    },
  })

/** The entry that was found, if it may be shown; else the text to be removed, if any. */
function judge(
  id: number,
  found: Found,
  { validity, onError }: { validity: Validity; onError: SnapshotsOptions['onError'] },
): { entry?: Versioned; remove?: string } {
  if (typeof found === 'string') return {}
  const entry = parseEntry(id, found.text, found.score)
  if (entry) return validity.isCurrent(entry) ? { entry } : {}
  onError('parse')
  // Its score may be above every version, so it would hide the right entry for long.
  return { remove: found.text }
}

/**
 * Creates the cache of snapshots.
 * @example
 * const { snapshot, cache } = (await snapshots.read(7))! // cache: hit, miss or bypass
 */
export function createSnapshots(options: SnapshotsOptions): Snapshots {
  const { redis, load, onError, timeoutMs = 250, maxSilenceMs = MAX_SILENCE_MS } = options
  const { maxMinimumVersions: maxUsers = MAX_MINIMUM_VERSIONS } = options
  const now = options.now ?? (() => performance.now())
  const ttlMs = options.ttlSeconds * 1000
  // Twice the TTL, because a late write of an older version may have prolonged its life once.
  const minimumVersions = createMinimumVersions({ keepMs: 2 * ttlMs, maxUsers, now })
  const validity = createValidity({ minimumVersions, maxSilenceMs, ttlMs, now })
  const pause = createCachePause(now)
  const loads = createLoads(load, now)
  const inFlight = createInFlight()
  let store: SnapshotStore | undefined
  let storedHistory: string | undefined

  async function loadAndKeep(id: number, remove?: string): Promise<Versioned | undefined> {
    const entry = await loads.add(id)
    if (entry) validity.observe(entry.read_at)
    if (store && (entry || remove !== undefined)) {
      const change = { ...(entry && { entry }), ...(remove !== undefined && { remove }) }
      // The reader doesn't wait for this write.
      const keeping = store.keep(id, change)
      void inFlight.track(keeping.then((kept) => kept === 'failed' ? onError('write') : undefined))
    }
    return entry
  }

  async function read(id: number, fresh: boolean) {
    if (store && !fresh && validity.mayShowAny()) {
      const found = await store.find(id)
      if (found !== 'failed' && found !== 'skipped') {
        const { entry, remove } = judge(id, found, { validity, onError })
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
    validity.observe(entry.read_at)
    const { id } = entry.snapshot
    const isKept = !store || await store.keep(id, { entry }) === 'kept'
    pause.written(isKept)
    if (isKept) return
    // Other instances learn of it from their next poll, and then of the pause.
    minimumVersions.raise(id, entry.version)
    onError('write')
  }

  return {
    read: (id, { fresh = false } = {}) => inFlight.track(read(id, fresh)),
    write: (entry) => inFlight.track(write(entry)),
    changed: (id, version) => minimumVersions.raise(id, version),
    invalidate: (id) => minimumVersions.raise(id, Number.MAX_SAFE_INTEGER),
    identified(history) {
      if (!redis || history === storedHistory) return
      storedHistory = history
      store = createSnapshotStore({ redis, history, ttlMs, timeoutMs, now })
    },
    heard: (heard) => validity.heard(heard),
    lost: () => validity.lost(),
    mustPause: () => pause.isDue(),
    lagMs: () => validity.lagMs(),
    idle: inFlight.idle,
  }
}
