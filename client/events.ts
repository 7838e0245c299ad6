/** Follows events over connections that end, from where the last one ended. */
import type { Event, Operations } from './api.ts'
import { linesOf } from './lines.ts'
import { pause } from './send.ts'

/** An event with the place behind it: kept, it is `after` for whoever goes on later. */
export type FollowedEvent = Event & { cursor: string }

/** Which events, and from where on: left out, all of them, from the first. */
export type EventQuery = Omit<
  NonNullable<Parameters<Operations<unknown>['listEvents']>[0]>,
  'limit'
>

/** Longer than the service is silent. */
const SILENCE_MS = 45_000

/** Between two streams at most. */
const MAX_PAUSE_MS = 1_000

/** Opens a stream behind this event. */
export type OpenStream = (lastEventId: string | undefined) => Promise<ReadableStream<Uint8Array>>

/**
 * Events as they happen. A stream that ends or breaks off is opened again behind the last event.
 * @throws what `open` throws; what `signal` was aborted with
 */
export async function* followedEvents(
  open: OpenStream,
  signal: AbortSignal | undefined,
): AsyncGenerator<FollowedEvent> {
  let cursor: string | undefined
  for (;;) {
    const stream = await open(cursor)
    let fields: { id?: string; data?: string } = {}
    try {
      for await (const line of linesOf(stream, '\n', SILENCE_MS)) {
        const [, name, value] = /^(id|data): (.*)$/.exec(line) ?? []
        if (name !== undefined) fields = { ...fields, [name]: value }
        if (line !== '') continue
        // Only now is it whole.
        cursor = fields.id ?? cursor
        if (fields.data) yield { ...JSON.parse(fields.data) as Event, cursor: cursor! }
        fields = {}
      }
    } catch {
      // It broke off.
    }
    signal?.throwIfAborted()
    await pause(Math.random() * MAX_PAUSE_MS, signal)
  }
}
