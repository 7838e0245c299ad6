/** Answers that repeats get again, word for word. */
import type { Context } from 'hono'
import { json, setHeader, setLocation } from '../http/response.ts'
import type { Outcome, UserOutcome } from '../ledger/operations.ts'

/** Says of a repeat that it is one. */
export function markReplayed(c: Context, replayed: boolean): void {
  if (replayed) setHeader(c, 'Idempotency-Replayed', 'true')
}

/** 201: an entry, its user after it, and where it is. */
export function created(c: Context, { users: [user], replayed }: Outcome) {
  setLocation(c, `/users/${user.userId}/history/${user.entry!.seq}`)
  markReplayed(c, replayed)
  return json(c, withEntry(user), 201)
}

/** The user after its entry, and the entry. */
export const withEntry = ({ snapshot, entry }: UserOutcome) => ({ ...snapshot!, entry: entry! })

/** The JSON of an object, if there is one. */
export const metadataText = (metadata: unknown): string | undefined =>
  metadata === undefined ? undefined : JSON.stringify(metadata)
