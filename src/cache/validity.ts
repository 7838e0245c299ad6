/**
 * Decides which cached snapshots may be shown: those that no change can have made out of date.
 * docs/explanation/cache.md has the rules.
 */
import { createDatabaseClock } from './database_clock.ts'
import type { Heard } from './heard.ts'
import type { MinimumVersions } from './minimum_versions.ts'
import type { Versioned } from './snapshot_entry.ts'

/** A snapshot isn't believed for so long before a hold in it expires: clocks take time to read. */
const EXPIRY_MARGIN_MS = 1000

/** How far two sums of the same times may be apart. */
const ROUNDING_MS = 1

export interface ValidityOptions {
  minimumVersions: MinimumVersions
  /** How long a cached snapshot is believed after the beginning of the last poll. */
  maxSilenceMs: number
  ttlMs: number
  /** A clock in milliseconds; only differences matter. */
  now: () => number
}

export interface Validity {
  /** Whether this snapshot may be shown. */
  isCurrent(entry: Versioned): boolean
  /** Whether any cached snapshot may be shown at all. */
  mayShowAny(): boolean
  /** Notes a reading of the database's clock. */
  observe(time: string): void
  /** Notes that all changes by others are known. */
  heard(heard: Heard): void
  /** Notes that changes may have been missed: until `heard` no snapshot may be shown. */
  lost(): void
  /** How long ago the last poll began that proved that no change is missed, in milliseconds. */
  lagMs(): number
}

/** Creates the rules, which no snapshot passes before the first `heard`. */
export function createValidity(
  { minimumVersions, maxSilenceMs, ttlMs, now }: ValidityOptions,
): Validity {
  const databaseClock = createDatabaseClock(now)
  const startedAt = now()
  let believedSince: string | null = null
  let heardAt = -Infinity
  let isPaused = false
  let setBack = { from: -Infinity, until: -Infinity }

  const isInStep = () => !isPaused && now() - heardAt < maxSilenceMs

  /** Believes nothing any more that was read before this time. */
  function believeSince(since: string) {
    believedSince = since
    // What the clock would show if it had not been set back, for as long as older entries may live.
    setBack = { from: databaseClock.now(), until: now() + 2 * ttlMs }
    databaseClock.observe(since)
  }

  return {
    isCurrent({ snapshot, version, read_at, expires_in_ms = Infinity }) {
      const readAt = Date.parse(read_at)
      const age = databaseClock.now() - readAt
      return isInStep() && believedSince !== null && read_at >= believedSince &&
        // A snapshot from before the clock was set back may be older than its time says.
        age > -ROUNDING_MS && (readAt >= setBack.from || now() >= setBack.until) &&
        minimumVersions.accept(snapshot.id, version) && age < expires_in_ms - EXPIRY_MARGIN_MS
    },
    mayShowAny: () => believedSince !== null && isInStep(),
    observe: (time) => databaseClock.observe(time),
    heard({ since, readAt, at, isPaused: isPausedNow }) {
      heardAt = at
      isPaused = isPausedNow
      const { overflowedAt } = minimumVersions
      if (believedSince === null) believeSince(since)
      databaseClock.observe(readAt)
      if (overflowedAt === undefined || at <= overflowedAt) return
      // More users changed than are remembered, so every snapshot from before now may be out of
      // date.
      believeSince(readAt)
      minimumVersions.resume()
    },
    lost() {
      believedSince = null
    },
    lagMs: () => now() - Math.max(heardAt, startedAt),
  }
}
