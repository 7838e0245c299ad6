/** Events of a database that was restored, for somebody who followed the one before. */
import { expect, onTestFinished, test } from 'vitest'
import { createLedgerClient, CursorGoneError } from '../../client/ledger.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { useHttp } from '../support/http.ts'
import { connectTo } from '../support/ledger.ts'
import { psqlIsMissing } from '../support/psql.ts'
import { pgDumpIsMissing, restoreDump } from '../support/restore_dump.ts'
import { restoreRows } from '../support/restore_rows.ts'
import { serve } from '../support/service.ts'

const http = useHttp()
const clientOf = (url: string) => createLedgerClient({ url })

/** What a database may be restored from, and whether that can be tried out here. */
const WAYS = [
  { way: 'of the rows', template: 'ledger_template', restore: restoreRows, skip: psqlIsMissing },
  {
    way: 'of a whole dump',
    template: 'template0',
    restore: restoreDump,
    skip: psqlIsMissing || pgDumpIsMissing,
  },
]
type Way = (typeof WAYS)[number]

/** A database with what there is now. */
async function restored({ template, restore }: Way): Promise<TestDatabase> {
  const database = await createDatabase(template)
  onTestFinished(() => database.drop())
  await restore(http.service.database.url, database.url)
  return database
}

/** Does something in it, as what nobody knows of the one before. */
async function debitIn(database: TestDatabase, id: number, amount: number): Promise<void> {
  const sql = connectTo(database.url)
  await sql`select debit_user(${id}, ${amount})`
  await sql.end()
}

/** What a service on it says to somebody who has read up to `after`. */
async function followIn(database: TestDatabase, after: string) {
  const service = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off' }),
    port: 0,
    databaseUrl: database.serviceUrl,
  })
  onTestFinished(() => service.stop())
  const client = clientOf(service.url)
  const gone = await client.listEvents({ after }).catch((error: unknown) => error)
  expect(gone).toBeInstanceOf(CursorGoneError)
  await expect(client.events({ after }).next()).rejects.toBeInstanceOf(CursorGoneError)
  return { client, resume: (gone as CursorGoneError).problem.resume }
}

test.for(WAYS)(
  'go on from `resume` after a restore $way that lost nothing, and are the same events',
  async (way, { skip }) => {
    skip(way.skip)
    const id = await http.user(100)
    await http.sql`select place_hold(${id}, 5), debit_user(${id}, 1)`
    const before = await clientOf(http.service.url).listEvents()
    const database = await restored(way)
    await debitIn(database, id, 2)
    const { client, resume } = await followIn(database, before.next)
    expect((await client.listEvents({ after: resume! })).events)
      .toMatchObject([{ type: 'entry.posted', data: { seq: 3, amount: '2.00' } }])
    const all = await client.listEvents()
    expect(all.events.slice(0, -1)).toEqual(before.events)
  },
)

test.for(WAYS)(
  'have no `resume` for who has read what a restore $way lost',
  async (way, { skip }) => {
    skip(way.skip)
    const id = await http.user(100)
    const database = await restored(way)
    await http.sql`select debit_user(${id}, 1)`
    const { next } = await clientOf(http.service.url).listEvents()
    expect(await followIn(database, next)).toMatchObject({ resume: undefined })
  },
)

test.for(WAYS)('have none either once another is in that place $way', async (way, { skip }) => {
  skip(way.skip)
  const id = await http.user(100)
  const database = await restored(way)
  await http.sql`select debit_user(${id}, 1)`
  const { next } = await clientOf(http.service.url).listEvents()
  await debitIn(database, id, 2)
  expect(await followIn(database, next)).toMatchObject({ resume: undefined })
})
