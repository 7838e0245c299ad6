/** A primary with a ledger, and a standby that streams from it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '../../db/migrate.ts'
import { type EmbeddedPostgres, startPostgres } from '../../dev/embedded_postgres.ts'
import { connectTo } from './ledger.ts'

const PASSWORD = 'service'

export interface Replicated {
  primary: EmbeddedPostgres
  standby: EmbeddedPostgres
  /** Starts the standby again, once it has stopped, as a standby. */
  restart(): Promise<void>
  /** URLs for ledger_service. */
  primaryUrl: string
  standbyUrl: string
  close(): Promise<void>
}

/** The URL of a server for ledger_service. */
function serviceUrl({ url }: EmbeddedPostgres): string {
  const service = new URL(url)
  service.username = 'ledger_service'
  service.password = PASSWORD
  return service.href
}

/** Starts both, the standby from a copy of the primary's files. */
export async function startReplicated(): Promise<Replicated> {
  const version = process.env['LEDGER_TEST_POSTGRES'] === '16' ? 16 : 18
  const folder = mkdtempSync(join(tmpdir(), 'ledger-replica-'))
  const start = (dataDir: string, settings = {}) =>
    startPostgres({ dataDir, version, settings: { fsync: 'off', ...settings } })
  let primary = await start(folder)
  await migrate(primary.url)
  const sql = connectTo(primary.url)
  await sql.unsafe(`alter role ledger_service login password '${PASSWORD}'`)
  await sql.end()
  await primary.stop()
  // Both lie where PostgreSQL's user can enter.
  const path = `${primary.dataDir}-standby`
  execFileSync('cp', ['-a', primary.dataDir, path])
  rmSync(join(path, 'port'))
  primary = await start(folder)
  const { username, password, port } = new URL(primary.url)
  const follow = () => {
    writeFileSync(join(path, 'data', 'standby.signal'), '')
    return start(path, {
      primary_conninfo: `host=127.0.0.1 port=${port} user=${username} password=${password}`,
    })
  }
  let standby = await follow()
  return {
    primary,
    get standby() {
      return standby
    },
    primaryUrl: serviceUrl(primary),
    standbyUrl: serviceUrl(standby),
    async restart() {
      standby = await follow()
    },
    async close() {
      await standby.stop()
      await primary.stop()
      for (const made of [folder, primary.dataDir, path]) {
        rmSync(made, { recursive: true, force: true })
      }
    },
  }
}
