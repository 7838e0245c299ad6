/** GET /entries, those of everybody: validate → call → respond. */
import { Hono } from 'hono'
import { Problem } from '../core/errors.ts'
import { rowsOfPage } from '../core/page_length.ts'
import type { FairSemaphore } from '../core/semaphore.ts'
import { json } from '../http/response.ts'
import { validated } from '../http/validate.ts'
import type { Ledger } from '../ledger/functions.ts'
import { describe } from './describe.ts'
import { journal, journalQuery } from './history_schemas.ts'
import { longRead } from './long_read.ts'

const DEFAULT_LIMIT = 50

export interface JournalDependencies {
  ledger: Pick<Ledger, 'listJournal'>
  /** Turns of long reads, by caller; left out: no limit. */
  longReads?: FairSemaphore
}

/** GET /entries. */
export function journalRoutes(
  { ledger, longReads }: JournalDependencies,
) {
  return new Hono().get(
    '/',
    describe({
      operationId: 'listJournal',
      tag: 'Entries',
      summary: 'The entries of everybody, newest first',
      description: 'In the order in which they were posted. An entry whose transaction commits ' +
        'late has a place among those that were there before it. A page may be short, or empty, ' +
        'though there are more: `next` tells. For callers who are bound to no users.',
      responses: { 200: { schema: journal } },
      problems: ['invalid_request', 'busy', 'not_supported'],
    }),
    validated('query', journalQuery),
    async (c) => {
      if (c.get('caller')?.users) throw new Problem('forbidden')
      const { limit, before } = c.req.valid('query')
      const maxRows = Number(limit ?? DEFAULT_LIMIT)
      const { entries, scannedTo } = await longRead(
        longReads,
        c,
        () => ledger.listJournal(before === undefined ? undefined : Number(before), maxRows + 1),
      )
      const shown = rowsOfPage(entries, maxRows)
      const next = entries.length > shown.length ? shown.at(-1)!.position : scannedTo ?? null
      return json(c, { entries: shown, next })
    },
  )
}
