/** GET /events, what has happened, in order: validate → call → respond. */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { accepts } from 'hono/accepts'
import type { z } from 'zod'
import { assertUserAllowed } from '../auth/caller.ts'
import { Problem } from '../core/errors.ts'
import { invalidRequest } from '../core/invalid_request.ts'
import { createFairSemaphore, type FairSemaphore } from '../core/semaphore.ts'
import { json, respond, setVary } from '../http/response.ts'
import { validated } from '../http/validate.ts'
import { BEGINNING, type Cursor, cursorText, MAX_CURSOR_LENGTH } from '../ledger/event_cursor.ts'
import type { EventFilter } from '../ledger/event_functions.ts'
import type { Events } from '../ledger/events.ts'
import { describe } from './describe.ts'
import { createEventStreams, type StreamDependencies } from './event_stream.ts'
import { EVENT_STREAM } from './examples.ts'
import { longRead } from './long_read.ts'
import { after, eventsPage, eventsQuery } from './schemas_events.ts'

const DEFAULT_LIMIT = 100
const SSE = 'text/event-stream'

/** EventSource of browsers sends it by itself. */
const LAST_EVENT_ID = {
  in: 'header' as const,
  name: 'Last-Event-ID',
  description: 'The `id` that came last on a stream: go on behind it, whatever `after` says.',
  example: 'now',
  schema: { type: 'string' as const, maxLength: MAX_CURSOR_LENGTH },
}

type Query = z.infer<typeof eventsQuery>

export interface EventsDependencies extends Pick<StreamDependencies, 'metrics' | 'onFailure'> {
  events: Events
  /** Finds out now how far the history is settled: what is committed is in the next page. */
  refreshEvents: () => Promise<void>
  /** Turns of long reads, by caller; left out: no limit. */
  longReads?: FairSemaphore
}

/** Whose events a caller may read: those of everybody need the scope `journal`. */
function filterOf(c: Context, { user, type }: Query): EventFilter {
  const caller = c.get('caller')
  const users = user === undefined ? caller?.users && [...caller.users] : [Number(user)]
  if (caller && !users && !caller.scopes.has('journal')) throw new Problem('forbidden')
  if (user !== undefined) assertUserAllowed(c, Number(user))
  return { userIds: users, types: type === undefined ? undefined : [type] }
}

/** Where a reader goes on; a reconnecting one says what it has read last. */
function startOf(c: Context, query: Query, events: Events): Cursor {
  const header = c.req.header('last-event-id')
  const read = after.safeParse(header)
  if (header && !read.success) {
    const { message } = read.error.issues[0]!
    throw invalidRequest([{ path: ['Last-Event-ID'], message }])
  }
  const start = (header ? read.data : query.after) ?? BEGINNING
  return start === 'now' ? events.last() : start
}

/** GET /events. */
export function eventsRoutes(
  { refreshEvents, longReads = createFairSemaphore({ perKey: Infinity }), ...dependencies }:
    EventsDependencies,
) {
  const { events } = dependencies
  const openStream = createEventStreams({ ...dependencies, longReads })

  return new Hono().get(
    '/',
    describe({
      operationId: 'listEvents',
      tag: 'Events',
      summary: 'What has happened, in order',
      description: 'Every entry that was posted, and every change of a hold and of what a user ' +
        'may do, each once, those of a user in their order. What commits late comes late: an event waits for ' +
        'every transaction that may still get in before it. Go on with `after` = `next`; ' +
        '`has_more` says whether at once. A page with a condition looks at 10,000 events at most. ' +
        'With Accept: text/event-stream a stream of server-sent events, which goes on with what ' +
        'happens, and is taken up again with `Last-Event-ID`. `cursor_gone`: the database was ' +
        'restored, copied or taken over by another server since, or the event of the cursor is ' +
        'gone; `resume`, where it is given, is the same place in this database, where what came ' +
        'before may be less than what was read. The events of everybody need the scope `journal`, ' +
        'too.',
      parameters: [LAST_EVENT_ID],
      responses: {
        200: {
          schema: eventsPage,
          media: {
            [SSE]: {
              schema: { type: 'string', contentMediaType: SSE },
              example: EVENT_STREAM,
            },
          },
        },
      },
      problems: ['invalid_request', 'forbidden', 'cursor_gone', 'busy', 'not_supported'],
    }),
    validated('query', eventsQuery),
    async (c) => {
      const query = c.req.valid('query')
      const filter = filterOf(c, query)
      setVary(c, 'Accept')
      const type = accepts(c, {
        header: 'Accept',
        supports: ['application/json', SSE],
        default: 'application/json',
      })
      await refreshEvents()
      const start = startOf(c, query, events)
      if (type === SSE) return respond(c, await openStream(c, start, filter), { type: SSE })
      const page = await longRead(
        longReads,
        c,
        () => events.read(start, filter, Number(query.limit ?? DEFAULT_LIMIT)),
      )
      return json(c, {
        events: page.events.map(({ event }) => event),
        next: cursorText(page.next),
        has_more: page.hasMore,
      })
    },
  )
}
