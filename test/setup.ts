/** One PostgreSQL for the whole run, with a migrated template for every test's own database. */
import { spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import type { TestProject } from 'vitest/node'
import { migrate } from '../db/migrate.ts'
import { ELSEWHERE, openDataFolder } from '../dev/data_folder.ts'
import { keptSecret, startPostgres } from '../dev/embedded_postgres.ts'
import { findBinaries } from '../dev/postgres_binaries.ts'
import { initCluster } from '../dev/postgres_server.ts'
import { CITUS_URL, dropDatabases, makeCitusTemplate } from './support/citus_servers.ts'
import { copyFolder, postgresVersion } from './support/servers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** As superuser, to the database `postgres`. */
    databaseUrl: string
    servicePassword: string
    /** For files of servers; everybody may enter it. */
    serversFolder: string
    /** The distributed ledger to be copied, on each server of Citus, if there is one. */
    citusTemplate: string | undefined
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(await fastFolder(), 'ledger-test-'))
  await chmod(folder, 0o755)
  cleanUpAfterKill(folder)
  await makeCluster(join(folder, 'fresh'))
  const dataDir = join(folder, 'server')
  await copyFolder(join(folder, 'fresh'), dataDir)
  const database = await startPostgres({
    dataDir,
    version: postgresVersion(),
    settings: {
      max_connections: '300',
      max_prepared_transactions: '10',
      wal_level: 'logical',
      // This machine won't fail during a run; test/faults has clusters of its own.
      fsync: 'off',
      full_page_writes: 'off',
    },
  })

  const template = new URL(database.url)
  template.pathname = '/ledger_template'
  await migrate(template.href)
  const servicePassword = await keptSecret(dataDir, 'service_password')
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  await sql.unsafe(`alter role ledger_service login password '${servicePassword}'`)
  // Whoever connects to the template keeps others from copying it.
  await sql`alter database ledger_template is_template true allow_connections false`
  await sql.end()
  project.provide('databaseUrl', database.url)
  project.provide('servicePassword', servicePassword)
  project.provide('serversFolder', folder)
  const citusTemplate = CITUS_URL && await makeCitusTemplate()
  project.provide('citusTemplate', citusTemplate)

  return async () => {
    if (citusTemplate) await dropDatabases(citusTemplate)
    await database.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** With nothing in it: to be copied rather than to be made again for each server. */
async function makeCluster(path: string): Promise<void> {
  const version = postgresVersion()
  const folder = await openDataFolder(path, () => {})
  await keptSecret(folder, 'password')
  const binaries = await findBinaries(version, ELSEWHERE, folder.user)
  await initCluster(folder, binaries, version, join(folder.path, 'data'))
}

/** Linux's folder in memory. */
const IN_MEMORY = '/dev/shm'
/** A run writes less than 2 GB, most of it to the log that PostgreSQL reuses. */
const ROOM = 4 * 1024 ** 3

/**
 * To copy a database is to make 300 files: in memory that is 20 times cheaper than on ext4, for
 * every test file. A container's `/dev/shm` is often small; then the usual folder does.
 */
async function fastFolder(): Promise<string> {
  const found = await statfs(IN_MEMORY).catch(() => undefined)
  const room = found ? Math.min(found.bavail * found.bsize, freemem() / 2) : 0
  return room >= ROOM ? IN_MEMORY : tmpdir()
}

/**
 * A run that is interrupted or killed calls no teardown: somebody else has to see that it is gone.
 */
export function cleanUpAfterKill(folder: string): void {
  const script = `while kill -0 $0 2>/dev/null; do sleep 1; done
    for file in "$1"/*/data/postmaster.pid
    do if read pid 2>/dev/null < "$file"
      then kill -INT $pid; while kill -0 $pid 2>/dev/null; do sleep 1; done; fi; done
    # More than once: initdb may still be filling it.
    for i in 1 2 3; do rm -rf "$1"; sleep 1; done`
  const args = ['-c', script, String(process.pid), folder]
  spawn('/bin/sh', args, { cwd: '/', detached: true, stdio: 'ignore' }).unref()
}
