/**
 * Users' snapshots, cached in Redis: a cache that may be slow or gone, never wrong. What it may
 * show, and why, is in docs/explanation/cache.md.
 */
import type { Heard } from './heard.ts'
import { createMinimumVersions } from './minimum_versions.ts'
import { createBatcher } from '../core/batcher.ts'
import { createInFlight } from '../core/in_flight.ts'
import { parseEntry, type Snapshot, type Versioned } from './snapshot_entry.ts'
import { createSnapshotStore, type Found, type SnapshotStore } from './snapshot_store.ts'

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
  /** How long a read or a write may spend on Redis, waiting included. */
  timeoutMs?: number
  /** How long after the last poll that was answered had begun a cached snapshot is believed. */
  maxSilenceMs?: number
  maxMinimumVersions?: number
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
  /** A write of this user has an unknown outcome: nothing that is cached is believed here. */
  invalidate(id: number): void
  /** Whose snapshots these are; nothing is looked up or written in Redis before that is known. */
  identified(history: string): void
  /** No change by others is missed. */
  heard(heard: Heard): void
  /** Some may be: until `heard`, and of what was read before its `since`, nothing is believed. */
  lost(): void
  /** Settles once nothing is being read or written. */
  idle(): Promise<void>
}

/** So that whatever was committed a second ago shows. */
const MAX_SILENCE_MS = 1000
const MAX_MINIMUM_VERSIONS = 100_000

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
  const { redis, load, onError, timeoutMs = 250, maxSilenceMs = MAX_SILENCE_MS } = options
  const { maxMinimumVersions: maxUsers = MAX_MINIMUM_VERSIONS } = options
  const now = options.now ?? (() => performance.now())
  const ttlMs = options.ttlSeconds * 1000
  // Twice the ttl: a late write of an older version may have prolonged its life once.
  const minimumVersions = createMinimumVersions({ keepMs: 2 * ttlMs, maxUsers, now })
  const databaseClock = createDatabaseClock(now)
  const inFlight = createInFlight()
  let store: SnapshotStore | undefined
  let identity: string | undefined
  let believedSince: string | null = null
  let heardAt = -Infinity
  let setBack = { from: -Infinity, until: -Infinity }

  // Only the next query is joined, never one in flight: it may have missed what was acknowledged
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

  const isInStep = () => now() - heardAt < maxSilenceMs

  /** Of what was read before it, nothing is believed any more. */
  function believeSince(since: string) {
    believedSince = since
    // What the clock should show if nobody touched it, for as long as older entries may live.
    setBack = { from: databaseClock.now(), until: now() + 2 * ttlMs }
    databaseClock.observe(since)
  }

  /** Changes before `believedSince` may have been missed; others have raised a minimum version. */
  function isCurrent({ snapshot, version, read_at, expires_in_ms = Infinity }: Versioned): boolean {
    const readAt = Date.parse(read_at)
    const age = databaseClock.now() - readAt
    return isInStep() && believedSince !== null && read_at >= believedSince &&
      // Read before the clock of the database was set back, it may be older than it looks.
      age > -ROUNDING_MS && (readAt >= setBack.from || now() >= setBack.until) &&
      minimumVersions.accept(snapshot.id, version) && age < expires_in_ms - EXPIRY_MARGIN_MS
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
    if (store && !fresh && believedSince !== null && isInStep()) {
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
    // Other instances hear of it as of everything else.
    minimumVersions.raise(id, entry.version)
    onError('write')
  }

  return {
    read: (id, { fresh = false } = {}) => inFlight.track(read(id, fresh)),
    write: (entry) => inFlight.track(write(entry)),
    changed: (id, version) => minimumVersions.raise(id, version),
    invalidate: (id) => minimumVersions.raise(id, Number.MAX_SAFE_INTEGER),
    identified(history) {
      if (!redis || history === identity) return
      identity = history
      store = createSnapshotStore({ redis, history, ttlMs, timeoutMs, now })
    },
    heard({ since, readAt, at }) {
      heardAt = at
      const { overflowedAt } = minimumVersions
      if (believedSince === null) believeSince(since)
      databaseClock.observe(readAt)
      if (overflowedAt === undefined || at <= overflowedAt) return
      // Too many had changed to remember which: what was read before now may be any of them.
      believeSince(readAt)
      minimumVersions.resume()
    },
    lost() {
      believedSince = null
    },
    idle: inFlight.idle,
  }
}
