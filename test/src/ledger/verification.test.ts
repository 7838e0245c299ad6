import { afterAll, beforeAll, expect, test } from 'vitest'
import { Problem } from '../../../src/core/errors.ts'
import { createFairSemaphore } from '../../../src/core/semaphore.ts'
import { createLedger, type Ledger } from '../../../src/ledger/functions.ts'
import { createVerify, MAX_FINDINGS } from '../../../src/ledger/verification.ts'
import { useLedger } from '../../support/ledger.ts'
import { tamper } from '../../support/tampering.ts'

const ENTRIES = 5000
const pageRows = 2000

const database = useLedger()
let ledger: Ledger
let id: number

beforeAll(async () => {
  const { sql } = database
  const url = new URL(database.url)
  // PostgreSQL takes no plus sign for a space.
  url.search = '?options=-c%20role%3Dledger_service'
  const queryDeadlineMs = 100_000
  ledger = createLedger({ url: url.href, batches: 1, waiting: 1, reading: 4, queryDeadlineMs })
  id = await database.user()
  await sql`insert into payment_history (user_id, action, amount)
    select ${id}, 'CREDIT', 1 from generate_series(1, ${ENTRIES}::integer)`
  await sql`select recalculate_balance(${id})`
})
afterAll(() => ledger.end())

/** However long it takes here. */
const now = () => 0

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'ok',
    (error: unknown) => error instanceof Problem ? [error.code, error.details] : error,
  )

test('every entry is read once, by pages', async () => {
  const pages: number[] = []
  const verify = createVerify({
    now,
    pageRows,
    ledger: {
      verifyUserPage(user, after, rows) {
        pages.push(after)
        return ledger.verifyUserPage(user, after, rows)
      },
    },
  })
  expect(await verify(id, ENTRIES)).toEqual({ entries: ENTRIES, findings: [], isPartial: false })
  expect(pages.sort((a, b) => a - b)).toEqual([0, 2000, 2500, 4500])
})

test('what an entry has by now is read, too', async () => {
  expect(await createVerify({ ledger, now, pageRows })(id, ENTRIES - 7))
    .toEqual({ entries: ENTRIES, findings: [], isPartial: false })
})

test('a history longer than the time is busy, and says how far it got', async () => {
  let ms = 0
  const verify = createVerify({ ledger, now: () => ms += 450, pageRows })
  expect(await codeOf(verify(id, ENTRIES))).toEqual(['busy', {
    detail: expect.stringMatching(/of 5000 entries \d{4} were read, .* --user \d+ reads/),
  }])
})

test('findings are few, whatever is wrong', async () => {
  const { sql } = database
  await tamper(
    sql,
    `update payment_history set metadata = '{}' where user_id = ${id} and seq between 10 and 1200`,
  )
  const { findings, isPartial } = await createVerify({ ledger, now, pageRows })(id, ENTRIES)
  expect(isPartial).toBe(true)
  expect(findings.length).toBeGreaterThan(0)
  expect(findings.length).toBeLessThanOrEqual(MAX_FINDINGS)
  // They were manual entries: what was recorded of that doesn't fit any more, either.
  expect(['hash_differs', 'manual_entry_invalid'])
    .toEqual(expect.arrayContaining(findings.map(({ finding }) => finding)))
})

test('missing entries are found once, though parts of the history overlap', async () => {
  const { sql } = database
  await tamper(
    sql,
    `update payment_history set metadata = null where user_id = ${id}`,
    `delete from payment_history where user_id = ${id} and seq between 2400 and 2409`,
  )
  const { entries, findings } = await createVerify({ ledger, now, pageRows })(id, ENTRIES)
  expect(entries).toBeGreaterThanOrEqual(ENTRIES - 10)
  expect(findings.map(({ finding, seq }) => `${finding} ${seq}`).sort())
    .toEqual([
      'balance_wrong 2410',
      'gap 2410',
      'hash_differs 2410',
      // What was recorded when each of them was entered.
      ...Array.from({ length: 10 }, (_, n) => `manual_entry_invalid ${2400 + n}`),
    ])
})

test('pages of a long history and those of others take turns', async () => {
  const read: string[] = []
  const verify = createVerify({
    turns: createFairSemaphore({ limit: 1, perKey: 1 }),
    ledger: {
      async verifyUserPage(user, after, rows) {
        read.push(`${user} ${after}`)
        await Promise.resolve()
        return {
          findings: [],
          rowsRead: rows,
          next: user === 1 && after < 80_000 ? after + rows : null,
        }
      },
    },
  })
  const long = verify(1, 40_000, 'a')
  const other = verify(2, 10, 'b')
  await Promise.all([long, other])
  expect(read.slice(0, 3)).toEqual(['1 0', '2 0', '1 20000'])
})
