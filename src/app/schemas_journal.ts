/** Schemas of the query and the pages of the journal. */
import { z } from 'zod'
import {
  type JournalCursor,
  MAX_JOURNAL_CURSOR_LENGTH,
  parseJournalCursor,
} from '../ledger/journal_cursor.ts'
import * as examples from './examples.ts'
import { historyQuery } from './history_schemas.ts'
import { entry, INTEGER, integer, text } from './schemas.ts'

const CURSOR_MESSAGE = 'must be `next` of the page before'
const CURSOR = { type: 'string', maxLength: MAX_JOURNAL_CURSOR_LENGTH } as const
const { pattern: _, ...POSITION } = INTEGER

export const journalQuery = z.object({
  limit: historyQuery.shape.limit,
  before: z.string(CURSOR_MESSAGE)
    .transform((value, issues): JournalCursor => {
      const cursor = parseJournalCursor(value)
      if (cursor !== undefined) return cursor
      issues.addIssue({ code: 'custom', message: CURSOR_MESSAGE })
      return []
    })
    .optional().meta({
      type: undefined,
      anyOf: [POSITION, CURSOR],
      description: 'Entries below this position: `next` of the page before.',
      example: 300,
    }),
})

const journalEntry = entry.extend({
  position: integer.optional().describe(
    'Where it is among all entries: the higher, the later. Left out on several servers, as each ' +
      'numbers its own.',
  ),
  user_id: integer,
}).meta({ id: 'JournalEntry' })

export const journal = z.object({
  entries: z.array(journalEntry).max(1000),
  next: z.union([integer, text(MAX_JOURNAL_CURSOR_LENGTH), z.null()])
    .describe('`before` for the next page, on several servers a text; null: there is none.'),
}).meta({
  id: 'Journal',
  description: 'Entries of everybody, newest first.',
  examples: [{ entries: [{ position: 2, user_id: 1, ...examples.DEBIT }], next: null }],
})
