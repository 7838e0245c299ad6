import postgres from 'postgres'
import { afterAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()
let copy: TestDatabase | undefined

afterAll(() => copy?.drop())

const incarnationOf = async (sql: postgres.Sql) =>
  (await sql<[{ name: string }]>`select ledger.incarnation() as name`)[0].name

test('incarnation() stays the same for every session, and a copy has another', async () => {
  const name = await incarnationOf(ledger.sql)
  expect(name).toMatch(/^[0-9a-f]{8}$/)
  for (const role of ['ledger_service', 'ledger_dba'] as const) {
    expect(await incarnationOf(ledger.connect(role))).toBe(name)
  }
  copy = await createDatabase()
  const sql = postgres(copy.url, { max: 1, fetch_types: false })
  expect(await incarnationOf(sql)).not.toBe(name)
  await sql.end()
})
