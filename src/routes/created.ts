/** Answers that repeats get again, word for word. */
import type { Context } from 'hono'
import { json, setHeader } from '../answer.ts'
import type { Posted } from '../posting.ts'

/** Says of a repeat that it is one. */
export function markReplayed(c: Context, replayed: boolean): void {
  if (replayed) setHeader(c, 'Idempotency-Replayed', 'true')
}

/** 201: an entry, its user after it, and where it is. */
export function created(c: Context, { snapshot, entry, replayed }: Posted) {
  setHeader(c, 'Location', `/users/${snapshot.id}/history/${entry!.seq}`)
  markReplayed(c, replayed)
  return json(c, { ...snapshot, entry }, 201)
}

/** The JSON of an object, if there is one. */
export const metadataText = (metadata: unknown): string | undefined =>
  metadata === undefined ? undefined : JSON.stringify(metadata)
