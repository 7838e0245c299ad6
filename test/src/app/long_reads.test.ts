/** What reads long has places of its own, and whoever asks for much of it leaves some to others. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLedger, type Ledger } from '../../../src/ledger/functions.ts'
import { useHttp } from '../../support/http.ts'

const LIMIT = 1000
/** The key of an advisory lock. */
const GATE = 28

/** Longer than reads are held up here, whatever else the machine does. */
const DEADLINE_MS = 60_000

const http = useHttp({ requestDeadlineMs: DEADLINE_MS })
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
    queryDeadlineMs: DEADLINE_MS,
  })
  id = await http.user()
  // 4096 bytes each, as JSON.
  await http.sql`insert into payment_history (user_id, action, amount, metadata)
    select ${id}, 'CREDIT', 1, jsonb_build_object('a', repeat('x', 4088))
      from generate_series(1, ${LIMIT}::integer)`
  await http.sql`select recalculate_balance(${id}), place_hold(${id}, 0.01)`
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

const PAGES = {
  entries: ['/entries', 'entries', 'before'],
  holds: ['/users/:id/holds', 'holds', 'after'],
  users: ['/users', 'users', 'after'],
  controls: ['/users/:id/controls', 'changes', 'before'],
} as const

test.each(Object.entries(PAGES))(
  'so does one of %s, whatever its limit, and all of them are there',
  async (what, [path, member, parameter]) => {
    const { sql } = http
    // A reason has up to 1000 characters, of up to 4 bytes, and JSON of a control character has 6.
    const metadata = `{"a":"${'x'.repeat(4086)}"}`
    if (what === 'holds') {
      await sql`select place_hold(${id}, 0.01, null, 'h' || n, ${metadata}::text::jsonb)
                  from generate_series(1, 600) n`
    } else if (what === 'users') {
      await sql`select create_user(null, 'r' || n, ${metadata}::text::jsonb)
                  from generate_series(1, 600) n`
    } else if (what === 'controls') {
      await sql`select ledger.set_control('CREDIT LIMIT', ${id}, n, repeat(chr(1), 1000), null)
                  from generate_series(1, 600) n`
    }
    const rows: unknown[] = []
    let next: number | null | undefined
    do {
      const more = next === undefined ? '' : `&${parameter}=${next}`
      const { text } = await http.call('GET', `${path.replace(':id', `${id}`)}?limit=1000${more}`)
      expect(text.length).toBeLessThan(1.1 * 2 ** 20)
      const page = JSON.parse(text) as Record<string, unknown[]> & { next: number | null }
      rows.push(...page[member]!)
      next = page.next
    } while (next !== null)
    const [{ count } = { count: 0 }] = await sql.unsafe<{ count: number }[]>(`
      select count(*)::integer as count from ${
      {
        entries: 'payment_history where seq is not null',
        holds: `holds where user_id = ${id}`,
        users: 'users',
        controls: `user_controls where user_id = ${id}`,
      }[what]
    }`)
    expect(count).toBeGreaterThan(500)
    expect(rows).toHaveLength(count)
  },
)

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
    const one = { status: undefined, key: undefined, after: 0, maxRows: 1 }
    expect((await ledger.listHolds(id, one)).holds).toHaveLength(1)
    for (
      const path of ['', '/history', '/history/1', '/balance', '/holds', '/holds/1', '/controls']
        .map((path) => `/users/${id}${path}`).concat('/users?limit=10', `/balances?ids=${id}`)
    ) {
      const { status } = await http.call('GET', path, undefined, {
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
