/** Keys that expire, in bounded memory. */
import { CommandError } from './redis_backend.ts'

/** Members with their scores. */
export type SortedSet = ReadonlyMap<string, number>
export type Value = string | SortedSet

interface Entry {
  value: Value
  /** Milliseconds of the keyspace's clock; Infinity without an expiry. */
  expiresAt: number
  bytes: number
}

export interface KeyspaceLimits {
  maxKeys: number
  /** Roughly: two bytes a character and something for each member. */
  maxBytes: number
}

export interface Keyspace {
  get(key: string): Value | undefined
  /** Keeps the expiry that the key has. @throws CommandError (OOM), and then nothing changes */
  set(key: string, value: Value): void
  delete(key: string): void
  clear(): void
  /** In milliseconds; Infinity without an expiry, undefined without the key. */
  ttl(key: string): number | undefined
  expireIn(key: string, ttlMs: number): void
}

const MEMBER_BYTES = 200
const SAMPLE_KEYS = 16

function bytesOf(key: string, value: Value): number {
  let characters = key.length
  const members = typeof value === 'string' ? [value] : [...value.keys()]
  for (const member of members) characters += member.length
  return 2 * characters + MEMBER_BYTES * members.length
}

/**
 * Expired keys go when they are looked at, and some with every new key. When it's full, the one of
 * a sample that would expire first has to go, as with Redis' volatile-ttl; if none in the sample
 * expires, the write is refused.
 */
export function createKeyspace(limits: KeyspaceLimits, now: () => number): Keyspace {
  const entries = new Map<string, Entry>()
  let usedBytes = 0
  // A Map's iterator survives changes, so every key gets its turn without ever walking them all.
  let cursor = entries.entries()

  function remove(key: string) {
    usedBytes -= entries.get(key)?.bytes ?? 0
    entries.delete(key)
  }

  function find(key: string): Entry | undefined {
    const entry = entries.get(key)
    if (!entry || entry.expiresAt > now()) return entry
    remove(key)
    return undefined
  }

  /** Drops what has expired in the next sample; gives the key in it that would expire first. */
  function sweep(): string | undefined {
    let soonest: string | undefined
    let soonestAt = Infinity
    for (let looked = 0; looked < SAMPLE_KEYS; looked++) {
      const next = cursor.next()
      if (next.done) cursor = entries.entries()
      else {
        const [key, { expiresAt }] = next.value
        if (expiresAt <= now()) remove(key)
        else if (expiresAt < soonestAt) [soonest, soonestAt] = [key, expiresAt]
      }
    }
    return soonest
  }

  function makeRoom(old: Entry | undefined, key: string, bytes: number) {
    const addedKeys = old ? 0 : 1
    const addedBytes = bytes - (old?.bytes ?? 0)
    let victim = old ? undefined : sweep()
    while (entries.size + addedKeys > limits.maxKeys || usedBytes + addedBytes > limits.maxBytes) {
      victim ??= sweep()
      if (victim === undefined || victim === key) {
        throw new CommandError("OOM command not allowed when used memory > 'maxmemory'.")
      }
      remove(victim)
      victim = undefined
    }
  }

  return {
    get: (key) => find(key)?.value,
    set(key, value) {
      const old = find(key)
      const bytes = bytesOf(key, value)
      makeRoom(old, key, bytes)
      usedBytes += bytes - (old?.bytes ?? 0)
      entries.set(key, { value, expiresAt: old?.expiresAt ?? Infinity, bytes })
    },
    delete: remove,
    clear() {
      entries.clear()
      usedBytes = 0
    },
    ttl: (key) => ttlOf(find(key), now()),
    expireIn(key, ttlMs) {
      const entry = find(key)
      if (entry) entry.expiresAt = now() + ttlMs
    },
  }
}

const ttlOf = (entry: Entry | undefined, now: number) => entry && entry.expiresAt - now
