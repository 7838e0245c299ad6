/** A primary with a ledger, and a standby that streams from it. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from '../../db/migrate.ts'
import type { EmbeddedPostgres } from '../../dev/embedded_postgres.ts'
import { connectTo } from './ledger.ts'
import { copyFolder, newCluster, startServer } from './servers.ts'

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
  const folder = await newCluster('replica')
  let primary = await startServer(folder)
  await migrate(primary.url)
  const sql = connectTo(primary.url)
  await sql.unsafe(`alter role ledger_service login password '${PASSWORD}'`)
  await sql.end()
  await primary.stop()
  const path = `${folder}-standby`
  await copyFolder(folder, path)
  rmSync(join(path, 'port'))
  primary = await startServer(folder)
  const { username, password, port } = new URL(primary.url)
  const follow = () => {
    writeFileSync(join(path, 'data', 'standby.signal'), '')
    return startServer(path, {
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
      for (const made of [folder, path]) rmSync(made, { recursive: true, force: true })
    },
  }
}
