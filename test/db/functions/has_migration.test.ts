import { expect, test } from 'vitest'
import { one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('has_migration() tells whether a migration was applied', async () => {
  const { sql } = ledger
  const { version } = await one(sql<{ version: string }[]>`
    select max(version) as version from schema_migrations`)
  const has = async (version: string | null) =>
    (await one(sql`select ledger.has_migration(version => ${version}::text) as has`))['has']
  expect(await has(version)).toBe(true)
  expect(await has('19700101000000')).toBe(false)
  expect(await has(version.slice(0, -1))).toBe(false)
  expect(await has(null)).toBe(false)
})
