/** Responses to writes, which a repeat gets again byte for byte. */
import type { Context } from 'hono'
import { json, setHeader, setLocation } from '../http/response.ts'
import type { Outcome, UserOutcome } from '../ledger/operations.ts'

/** Sets Idempotency-Replayed on the response to a repeat. */
export function markReplayed(c: Context, replayed: boolean): void {
  if (replayed) setHeader(c, 'Idempotency-Replayed', 'true')
}

/** Responds 201 with the entry and its user after it, and its Location. */
export function created(c: Context, { users: [user], replayed }: Outcome) {
  setLocation(c, `/users/${user.userId}/history/${user.entry!.seq}`)
  markReplayed(c, replayed)
  return json(c, withEntry(user), 201)
}

/** The body of such a response: the snapshot after the entry, and the entry. */
export const withEntry = ({ snapshot, entry }: UserOutcome) => ({ ...snapshot!, entry: entry! })

/** The metadata of a request as JSON text. */
export const metadataText = (metadata: unknown): string | undefined =>
  metadata === undefined ? undefined : JSON.stringify(metadata)
