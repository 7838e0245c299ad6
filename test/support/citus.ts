/** A ledger on Citus for a test file, if LEDGER_TEST_CITUS_URL names a coordinator with workers. */
import { randomBytes } from 'node:crypto'
import type postgres from 'postgres'
import { afterAll, beforeAll } from 'vitest'
import { CITUS_URL, dropDatabases, makeCitusLedger, urlsOf } from './citus_servers.ts'
import { connectTo } from './ledger.ts'

export { distribute, SHARDS } from './citus_servers.ts'

export const citusIsMissing = CITUS_URL === undefined

export interface CitusLedger {
  /** To the coordinator, as superuser. */
  readonly url: string
  /** To each worker. */
  readonly workerUrls: string[]
  /** A connection of its own, closed with the test file; by default to the coordinator. */
  connect(url?: string): postgres.Sql
}

/**
 * To be called at the top of a test file: a database of its own on each server, with a migrated
 * ledger. Nothing happens where there is no Citus.
 * @param options.before the name of the first migration that it lacks; by default it has all
 */
export function useCitusLedger(options: { isDistributed: boolean; before?: string }): CitusLedger {
  const database = `test_${randomBytes(8).toString('hex')}`
  const open: postgres.Sql[] = []
  let urls: string[] = []

  beforeAll(async () => {
    if (citusIsMissing) return
    urls = await urlsOf(database)
    await makeCitusLedger(database, options.isDistributed, options.before)
  })

  afterAll(async () => {
    await Promise.all(open.map((sql) => sql.end({ timeout: 0 })))
    if (!citusIsMissing) await dropDatabases(database)
  })

  const ledger: CitusLedger = {
    get url() {
      return urls[0]!
    },
    get workerUrls() {
      return urls.slice(1)
    },
    connect(url = ledger.url) {
      const sql = connectTo(url)
      open.push(sql)
      return sql
    },
  }
  return ledger
}
