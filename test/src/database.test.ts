/** What becomes of queries when their connection is lost. */
import { expect, test, vi } from 'vitest'
import { createDatabase } from '../../src/database.ts'
import { isOutcomeUnknown } from '../../src/errors.ts'
import { connectTo, useLedger } from '../ledger.ts'

const ledger = useLedger()

test('a connection that ends while a statement is prepared does not spoil those after it', async () => {
  const database = createDatabase({ url: ledger.url, max: 1 })
  const ask = (id: number) => database.run((sql) => sql`select id from users where id = ${id}`)
  const psql = connectTo(ledger.url)
  try {
    await psql`begin`
    await psql`lock table users in access exclusive mode`
    // PostgreSQL can't even say yet what the columns are.
    const asked = ask(1).catch((error: unknown) => error)
    const pid = await vi.waitUntil(async () => {
      const [row] = await ledger.sql`select pid from pg_locks where not granted`
      return row?.['pid'] as number | undefined
    })
    await ledger.sql`select pg_terminate_backend(${pid})`
    expect(isOutcomeUnknown(await asked)).toBe(true)
    await psql`rollback`
    const since = performance.now()
    expect(await ask(1)).toHaveLength(1)
    expect(performance.now() - since).toBeLessThan(1_500)
  } finally {
    await psql.end()
    await database.end()
  }
})
