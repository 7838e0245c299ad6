/** What reads long has places of its own, and whoever asks for much of it leaves some to others. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLedger, type Ledger } from '../../../src/ledger/functions.ts'
import { useHttp } from '../../support/http.ts'

const LIMIT = 1000
/** The key of an advisory lock. */
const GATE = 28

const http = useHttp()
let ledger: Ledger
let id: number

beforeAll(async () => {
  const { url } = http.service.database
  const asService = new URL(url)
  // PostgreSQL takes no plus sign for a space.
  asService.search = '?options=-c%20role%3Dledger_service'
  ledger = createLedger({
    url: asService.href,
    batches: 1,
    waiting: 1,
    reading: 1,
    readingLong: 1,
  })
  id = await http.user()
  // 4096 bytes each, as JSON.
  await http.sql`insert into payment_history (user_id, action, amount, metadata)
    select ${id}, 'CREDIT', 1, jsonb_build_object('a', repeat('x', 4088))
      from generate_series(1, ${LIMIT}::integer)`
  await http.sql`select recalculate_balance(${id})`
})
afterAll(() => ledger.end())

test('a page ends where it has a megabyte, and the next one goes on there', async () => {
  const seqs: number[] = []
  let next: number | null = LIMIT + 1
  while (next !== null) {
    const { text } = await http.call('GET', `/users/${id}/history?limit=1000&before=${next}`)
    expect(text.length).toBeLessThan(1.1 * 2 ** 20)
    const page = JSON.parse(text) as { entries: { seq: number }[]; next: number | null }
    seqs.push(...page.entries.map(({ seq }) => seq))
    next = page.next
  }
  expect(seqs).toEqual(Array.from({ length: LIMIT }, (_, n) => LIMIT - n))
})

/** Holds up every verification until `work` is done. */
async function withLongReadsHeld(work: () => Promise<unknown>): Promise<void> {
  const { sql } = http
  const [before] = await sql<{ text: string }[]>`
    select pg_get_functiondef('ledger.verify_user_page'::regproc) as text`
  await sql`select pg_advisory_lock(${GATE})`
  await sql.unsafe(
    before!.text.replace(/\bbegin\b/i, `begin perform pg_advisory_xact_lock(${GATE});`),
  )
  try {
    await work()
  } finally {
    await sql.unsafe(before!.text)
    await sql`select pg_advisory_unlock(${GATE})`
  }
}

const waiting = async () => {
  const [row] = await http.sql<{ count: number }[]>`
    select count(*)::integer as count from pg_locks
     where locktype = 'advisory' and database = (select oid from pg_database
       where datname = current_database()) and objid = ${GATE} and not granted`
  return row!.count
}

test('no short read waits for a long one, in the ledger or over HTTP', async () => {
  let verified: Promise<unknown>[] = []
  await withLongReadsHeld(async () => {
    verified = [
      ledger.verifyUserPage(id, 0, 10),
      ...Array.from({ length: 8 }, () => http.call('GET', `/users/${id}/verify`)),
    ]
    // One of the ledger here, and all that one caller may have.
    await expect.poll(waiting).toBe(1 + 2)
    expect((await ledger.getUsers([id])).size).toBe(1)
    for (const path of ['', '/history', '/history/1', '/balance']) {
      const { status } = await http.call('GET', `/users/${id}${path}`, undefined, {
        'Cache-Control': 'no-cache',
      })
      expect(status, path).toBe(200)
    }
    expect((await http.call('GET', '/readyz')).status).toBe(200)
    expect((await http.call('POST', `/users/${id}/credit`, { amount: 1 })).status).toBe(201)
    // The third place is there for other callers, and this one has no more of them.
    expect(await waiting()).toBe(3)
  })
  await Promise.all(verified)
})
