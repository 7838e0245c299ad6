/**
 * A PostgreSQL of a test's own: for what stops it, or changes roles or settings of all of it. Its
 * files are a copy of a cluster that the run has made, in memory where there is room.
 */
import { execFile } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inject } from 'vitest'
import { type EmbeddedPostgres, startPostgres } from '../../dev/embedded_postgres.ts'

/** Of this run. */
export function postgresVersion(): 16 | 18 {
  const version = process.env['LEDGER_TEST_POSTGRES'] || '18'
  if (version !== '16' && version !== '18') throw new Error('LEDGER_TEST_POSTGRES is 16 or 18')
  return version === '16' ? 16 : 18
}

/** With the owners of its files. `to` is made where it is missing. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', `${from}/.`, to])
}

/** Copies the cluster, whose superuser has the password in the file `password`, to a folder. */
export const copyCluster = (to: string): Promise<void> =>
  copyFolder(join(inject('serversFolder'), 'fresh'), to)

/** @returns a folder with a cluster for `startServer()`; the test removes it */
export async function newCluster(name: string): Promise<string> {
  const folder = await mkdtemp(join(inject('serversFolder'), `${name}-`))
  await copyCluster(folder)
  return folder
}

export const startServer = (
  dataDir: string,
  settings: Record<string, string> = {},
): Promise<EmbeddedPostgres> =>
  startPostgres({ dataDir, version: postgresVersion(), settings: { fsync: 'off', ...settings } })
