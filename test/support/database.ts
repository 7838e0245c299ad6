/** A database of its own for a test, copied from the migrated template. */
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { inject } from 'vitest'
import { copyDatabases, dropDatabases, urlsOf } from './citus_servers.ts'
import { isOnCitus } from './on_citus.ts'

export interface TestDatabase {
  /** As superuser. */
  url: string
  /** As `ledger_service`, the role that the service logs in with. */
  serviceUrl: string
  /** Throws out whoever is still connected. */
  drop(): Promise<void>
}

/** @param template `template0`: with nothing in it */
export async function createDatabase(template = 'ledger_template'): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  if (isOnCitus()) return await createOnCitus(name)
  const sql = server()
  await retryInUse(async () => {
    // Without writing it all to the log, which is most of the work.
    await sql`create database ${sql(name)} template ${sql(template)} strategy file_copy`
  })
  const url = new URL(inject('databaseUrl'))
  url.pathname = name
  const serviceUrl = new URL(url)
  serviceUrl.username = 'ledger_service'
  serviceUrl.password = inject('servicePassword')
  return {
    url: url.href,
    serviceUrl: serviceUrl.href,
    drop: async () => void await server()`drop database if exists ${sql(name)} with (force)`,
  }
}

/** Of a distributed ledger, with an address of its coordinator. */
async function createOnCitus(name: string): Promise<TestDatabase> {
  await retryInUse(() => copyDatabases(inject('citusTemplate')!, name))
  const url = (await urlsOf(name))[0]!
  const serviceUrl = new URL(url)
  serviceUrl.username = 'ledger_service'
  serviceUrl.password = ''
  return { url, serviceUrl: serviceUrl.href, drop: () => dropDatabases(name) }
}

let shared: postgres.Sql | undefined

/** Connections of this worker, for as long as it makes databases. */
const server = () =>
  shared ??= postgres(inject('databaseUrl'), {
    max: 2,
    idle_timeout: 10,
    fetch_types: false,
    onnotice: () => {},
  })

/** PostgreSQL refuses to copy a database in which somebody, such as autovacuum, is at work. */
async function retryInUse(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work()
    } catch (error) {
      if ((error as { code?: string }).code !== '55006' || attempt === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
