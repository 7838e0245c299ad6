/** GET /entries, those of everybody: validate → call → respond. */
import { Hono } from 'hono'
import { Problem } from '../core/errors.ts'
import type { FairSemaphore } from '../core/semaphore.ts'
import { json } from '../http/response.ts'
import { validated } from '../http/validate.ts'
import type { ReadJournal } from '../ledger/journal.ts'
import { describe } from './describe.ts'
import { longRead } from './long_read.ts'
import { journal, journalQuery } from './schemas_journal.ts'

const DEFAULT_LIMIT = 50

export interface JournalDependencies {
  readJournal: ReadJournal
  /** Turns of long reads, by caller; left out: no limit. */
  longReads?: FairSemaphore
}

/** GET /entries. */
export function journalRoutes({ readJournal, longReads }: JournalDependencies) {
  return new Hono().get(
    '/',
    describe({
      operationId: 'listJournal',
      tag: 'Entries',
      summary: 'The entries of everybody, newest first',
      description: 'In the order in which they were posted. An entry whose transaction commits ' +
        'late has a place among those that were there before it. A page may be short, or empty, ' +
        'though there are more: `next` tells. On several servers the order is that of the moments, ' +
        'as far as each server numbers what happens there. For callers who are bound to no users.',
      responses: { 200: { schema: journal } },
      problems: ['invalid_request', 'busy', 'not_supported'],
    }),
    validated('query', journalQuery),
    async (c) => {
      if (c.get('caller')?.users) throw new Problem('forbidden')
      const { limit, before } = c.req.valid('query')
      const maxRows = Number(limit ?? DEFAULT_LIMIT)
      return json(c, await longRead(longReads, c, () => readJournal(before, maxRows)))
    },
  )
}
