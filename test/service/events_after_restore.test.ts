/** Events of a database that was restored, for somebody who followed the one before. */
import { expect, onTestFinished, test } from 'vitest'
import { createLedgerClient, CursorGoneError } from '../../client/ledger.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { useHttp } from '../support/http.ts'
import { connectTo } from '../support/ledger.ts'
import { psqlIsMissing } from '../support/psql.ts'
import { restoreRows } from '../support/restore_rows.ts'
import { serve } from '../support/service.ts'

const http = useHttp()
const clientOf = (url: string) => createLedgerClient({ url })

/** A database with the rows that there are now. */
async function restored(): Promise<TestDatabase> {
  const database = await createDatabase()
  onTestFinished(() => database.drop())
  await restoreRows(http.service.database.url, database.url)
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

test.skipIf(psqlIsMissing)(
  'go on from `resume` where nothing was lost, and are the same events',
  async () => {
    const id = await http.user(100)
    await http.sql`select place_hold(${id}, 5), debit_user(${id}, 1)`
    const before = await clientOf(http.service.url).listEvents()
    const database = await restored()
    await debitIn(database, id, 2)
    const { client, resume } = await followIn(database, before.next)
    expect((await client.listEvents({ after: resume! })).events)
      .toMatchObject([{ type: 'entry.posted', data: { seq: 3, amount: '2.00' } }])
    const all = await client.listEvents()
    expect(all.events.slice(0, -1)).toEqual(before.events)
  },
)

test.skipIf(psqlIsMissing)('have no `resume` for somebody who has read what was lost', async () => {
  const id = await http.user(100)
  const database = await restored()
  await http.sql`select debit_user(${id}, 1)`
  const { next } = await clientOf(http.service.url).listEvents()
  expect(await followIn(database, next)).toMatchObject({ resume: undefined })
})

test.skipIf(psqlIsMissing)('have none either once another event is in that place', async () => {
  const id = await http.user(100)
  const database = await restored()
  await http.sql`select debit_user(${id}, 1)`
  const { next } = await clientOf(http.service.url).listEvents()
  await debitIn(database, id, 2)
  expect(await followIn(database, next)).toMatchObject({ resume: undefined })
})
