/** Events as a stream that goes on with what happens (server-sent events of HTML). */
import type { Context } from 'hono'
import { callerKey } from '../auth/caller.ts'
import { codeOf, Problem } from '../core/errors.ts'
import { stringify } from '../core/raw_json.ts'
import type { FairSemaphore } from '../core/semaphore.ts'
import { type Cursor, cursorText } from '../ledger/event_cursor.ts'
import type { EventFilter, EventPage } from '../ledger/event_functions.ts'
import type { Events } from '../ledger/events.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** Streams at once, of all callers and of one. */
const MAX_STREAMS = 200
const MAX_STREAMS_PER_CALLER = 50
/** Events that a client which doesn't read keeps in memory at most. */
const PAGE_ROWS = 100
/** After so long without an event a comment shows that the stream goes on. */
const HEARTBEAT_MS = 15_000
/** What a client waits before it takes up a stream that has ended. */
const RETRY_MS = 1000
/** While a page can't be read, when to try again. */
const REPEAT_MS = 500

export interface StreamDependencies {
  events: Pick<Events, 'read' | 'changed' | 'isEnded'>
  longReads: FairSemaphore
  metrics: Pick<Metrics, 'eventStreams'>
  /** Called for failures of the service itself. */
  onFailure: (what: string, error: unknown) => void
}

/** Without a stack, since @hono/node-server prints the error. */
const ended = () => Object.assign(new Error('the stream ended'), { stack: '' })

/**
 * Creates the maker of streams. The first page of a stream is read before it, so that a cursor that
 * isn't good is a problem.
 */
export function createEventStreams(
  { events, longReads, metrics, onFailure }: StreamDependencies,
) {
  const streams = new Map<string, number>()
  let count = 0

  function assertRoom(caller: string) {
    const isFull = count >= MAX_STREAMS || (streams.get(caller) ?? 0) >= MAX_STREAMS_PER_CALLER
    if (isFull) throw new Problem('busy')
  }

  function enter(caller: string) {
    assertRoom(caller)
    metrics.eventStreams(++count)
    streams.set(caller, (streams.get(caller) ?? 0) + 1)
  }

  function leave(caller: string) {
    metrics.eventStreams(--count)
    const rest = streams.get(caller)! - 1
    if (rest === 0) streams.delete(caller)
    else streams.set(caller, rest)
  }

  return async (c: Context, start: Cursor, filter: EventFilter) => {
    const caller = callerKey(c)
    assertRoom(caller)
    const { streamStallMs, statementDeadlineMs } = c.get('limits')
    const read = (cursor: Cursor) =>
      longReads.take(caller, () => events.read(cursor, filter, PAGE_ROWS), { isBegun: true })
    const first = await read(start)
    return eventStream({
      first,
      read,
      changed: (through, limitMs) => events.changed(through, limitMs),
      isOver: () => events.isEnded,
      enter: () => enter(caller),
      leave: () => leave(caller),
      heartbeatMs: Math.min(HEARTBEAT_MS, streamStallMs / 2),
      stallMs: streamStallMs,
      // The server cuts a response that takes longer.
      lengthMs: statementDeadlineMs * 0.9,
      onFailure: (error) => onFailure('/events', error),
    })
  }
}

interface EventStreamOptions {
  first: EventPage
  read: (cursor: Cursor) => Promise<EventPage>
  changed: Events['changed']
  isOver: () => boolean
  /** Called when the reader begins to read, and when the stream is over. */
  enter: () => void
  leave: () => void
  heartbeatMs: number
  stallMs: number
  lengthMs: number
  onFailure: (error: unknown) => void
}

const blockOf = ({ events }: EventPage): string =>
  events.map(({ event, cursor }) =>
    `id: ${cursorText(cursor)}\nevent: ${event.type}\ndata: ${stringify(event)}\n\n`
  ).join('')

/** Throws what ends a stream; the rest is tried again. LGCUR: the cursor is gone. */
function throwIfFinal(error: unknown): undefined {
  if (codeOf(error) === 'LGCUR' || (error instanceof Problem && error.code !== 'busy')) throw error
}

/** Creates the function that makes the next text of a stream: events, a new cursor, or a sign. */
function createNextText(options: EventStreamOptions, left: AbortSignal) {
  const { first, read, changed, isOver, heartbeatMs } = options
  let page: EventPage | undefined = first
  let cursor = first.next

  /** The next page with events; undefined if there was none for so long. */
  async function nextPage(untilMs: number): Promise<EventPage | undefined> {
    while (!left.aborted && !isOver()) {
      const next = page ?? await read(cursor).catch(throwIfFinal)
      page = undefined
      if (next) cursor = next.next
      if (next && next.events.length > 0) return next
      const remainingMs = untilMs - performance.now()
      if (remainingMs <= 0) return undefined
      if (!next) await changed(Infinity, REPEAT_MS)
      else if (!next.hasMore && !await changed(cursor.through, remainingMs)) return undefined
    }
    return undefined
  }

  return async function nextText(): Promise<string> {
    const before = cursor
    const next = await nextPage(performance.now() + heartbeatMs)
    if (next) return blockOf(next)
    // An id without data is no event, but what the reader goes on from.
    return cursor.through > before.through ? `id: ${cursorText(cursor)}\n\n` : ':\n\n'
  }
}

/** Creates the stream of one reader; it reads the next page when the one before was taken. */
function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const { first, isOver, enter, leave, stallMs, lengthMs, onFailure } = options
  const encoder = new TextEncoder()
  let endsAt = 0
  let stall: ReturnType<typeof setTimeout> | undefined
  let hasEntered = false
  const left = new AbortController()
  const nextText = createNextText(options, left.signal)

  function over() {
    clearTimeout(stall)
    if (hasEntered && !left.signal.aborted) leave()
    left.abort()
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      clearTimeout(stall)
      try {
        let text: string
        if (hasEntered) text = await nextText()
        else {
          enter()
          hasEntered = true
          endsAt = performance.now() + lengthMs
          // Not behind events that the reader hasn't got: it may break off before them.
          const id = first.events.length === 0 ? `id: ${cursorText(first.next)}\n` : ''
          text = `retry: ${RETRY_MS}\n${id}\n`
        }
        if (left.signal.aborted) return
        controller.enqueue(encoder.encode(text))
        if (isOver() || performance.now() > endsAt) {
          over()
          return controller.close()
        }
        stall = setTimeout(() => {
          over()
          controller.error(ended())
        }, stallMs)
      } catch (error) {
        if (left.signal.aborted) return
        over()
        if (!(error instanceof Problem) && codeOf(error) !== 'LGCUR') onFailure(error)
        controller.error(ended())
      }
    },
    cancel: over,
  }, { highWaterMark: 0 })
}
