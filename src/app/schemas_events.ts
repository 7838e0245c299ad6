/** Schemas of the query and the pages of events. */
import { z } from 'zod'
import { BEGINNING, type Cursor, MAX_CURSOR_LENGTH, parseCursor } from '../ledger/event_cursor.ts'
import { EVENT_TYPES } from '../ledger/event_functions.ts'
import * as examples from './examples.ts'
import {
  entry,
  INTEGER,
  integer,
  metadataResponse,
  money,
  number,
  text,
  timestamp,
} from './schemas.ts'
import { control } from './schemas_controls.ts'

const LIMIT_MESSAGE = 'must be digits, from 1 to 1000'
const CURSOR_MESSAGE = 'must be `next` of a page, the id of an event, or now'

/** Where to begin: behind a cursor, or behind everything that there is. */
export const after = z.string(CURSOR_MESSAGE).max(MAX_CURSOR_LENGTH, {
  message: CURSOR_MESSAGE,
  abort: true,
})
  .transform((value, issues): Cursor | 'now' => {
    if (value === 'now') return value
    const cursor = parseCursor(value)
    if (cursor) return cursor
    issues.addIssue({ code: 'custom', message: CURSOR_MESSAGE })
    return BEGINNING
  })

export const eventsQuery = z.object({
  after: after.optional().meta({
    type: 'string',
    maxLength: MAX_CURSOR_LENGTH,
    description: 'Events behind this: `next` of the page before, the id of an event, or `now`; ' +
      'left out: from the first.',
    example: 'now',
  }),
  user: number.optional().meta({ description: 'Events of this user.', examples: [1] }),
  type: z.enum(EVENT_TYPES, `must be one of ${EVENT_TYPES.join(', ')}`).optional().meta({
    description: 'Events of this type.',
    examples: ['entry.posted'],
  }),
  limit: z.string().regex(/^0*([1-9]\d{0,2}|1000)$/, LIMIT_MESSAGE).optional().meta({
    ...INTEGER,
    maximum: 1000,
    default: 100,
    description: 'Of a page: how many events.',
    examples: [100],
  }),
})

const base = {
  id: text(64).describe('The same whenever and wherever the event is read.'),
  timestamp: timestamp.describe('When it happened, by the clock of the database.'),
  user_id: integer,
}

const holdChange = z.object({
  hold: integer,
  number: integer.describe('1, 2, 3 … for each hold.'),
  amount: money.describe('What was set aside, captured or released.'),
  remaining: money.describe('What of it is still held.'),
  expires_at: timestamp.nullable(),
  balance: money.optional(),
  available: money.optional().describe('What is left for others.'),
  seq: integer.optional().describe('Of a capture, its entry; otherwise the last one before.'),
  idempotency_key: text(255).optional(),
  metadata: metadataResponse.optional(),
}).meta({ id: 'HoldChange', description: 'A change of a hold, and what it came to.' })

export const event = z.union([
  z.object({ ...base, type: z.literal('entry.posted'), data: entry }),
  z.object({
    ...base,
    type: z.enum(['hold.placed', 'hold.captured', 'hold.extended', 'hold.released']),
    data: holdChange,
  }),
  z.object({
    ...base,
    type: z.enum(['user.frozen', 'user.thawed', 'user.credit_limit_set']),
    data: control,
  }),
]).meta({
  id: 'Event',
  description: 'Something that has happened to a user.',
  examples: [examples.EVENT],
})

export const eventsPage = z.object({
  events: z.array(event).max(1000),
  next: text(MAX_CURSOR_LENGTH).describe(
    '`after` for the next page, whether or not this one has any events.',
  ),
  has_more: z.boolean().describe('Whether the next page has to be read at once.'),
}).meta({
  id: 'Events',
  description: 'What has happened, in order.',
  examples: [{ events: [examples.EVENT], next: examples.EVENT_CURSOR, has_more: false }],
})
