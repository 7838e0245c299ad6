/** Starts a real PostgreSQL from npm packages, for a machine that has none. */
import { randomBytes } from 'node:crypto'
import { chown, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dataDirFault, type DataFolder, ELSEWHERE, openDataFolder } from './data_folder.ts'
import { takeLock } from './launcher_lock.ts'
import { freePort, isFree } from './ports.ts'
import { findBinaries, type Version } from './postgres_binaries.ts'
import { initCluster, lastLines, runServer, stopServer, waitUntilReady } from './postgres_server.ts'
import { processCommand, signal, until } from './processes.ts'
import { supervise } from './supervise.ts'

/** For a launcher before this one to end. */
const LOCK_MS = 10_000

export interface PostgresOptions {
  /** Made where it is missing. Holds `data`, `password`, `port`, `log` and `lock`. */
  dataDir: string
  version?: Version
  /** 0 or none: a free one, and the same again next time if it still is free. */
  port?: number
  settings?: Record<string, string>
  log?: (line: string) => void
  /** Asked while it starts, which after a crash may take long: true gives up. */
  interrupted?: () => boolean
  /** It is started again whenever it ends by itself; this is told when that fails. */
  onLost?: (error: Error) => void
}

export interface EmbeddedPostgres {
  /** As superuser `postgres`, to the database `postgres`. */
  url: string
  port: number
  /** Where the data really is: elsewhere than asked, if PostgreSQL's user can't go there. */
  dataDir: string
  pid: number
  /** Ends sessions and rolls back what is open; takes at most about 15 s. */
  stop: () => Promise<void>
  /** Crashes it, as kill -9 would. */
  kill: () => Promise<void>
}

/**
 * The first start makes the cluster, a later one finds it. PostgreSQL gets a session of its own, so
 * that Ctrl-C in a terminal doesn't reach it before the service has finished what is in flight.
 * @throws Error with one line
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  try {
    return await start(options)
  } catch (error) {
    throw dataDirFault(error)
  }
}

async function start(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const { version = 18, log = () => {} } = options
  const folder = await openDataFolder(options.dataDir, log)
  const release = await takeLock(folder.path, LOCK_MS, log)
  try {
    await stopOrphan(folder.path, log)
    await checkVersion(folder.path, version)
    const binaries = await findBinaries(version, ELSEWHERE, folder.user)
    const password = await openCluster(folder, binaries, version)
    const { server, port } = await startServer(folder, binaries, options)
    const again = () => startServer(folder, binaries, { ...options, port })
    const running = supervise(server, async () => (await again()).server, options)
    const end = async (crash: boolean) => {
      const last = await running.leave()
      if (crash) signal(last.pid, 'SIGKILL')
      await stopServer(last)
      await release()
    }
    let ended: Promise<void> | undefined
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      port,
      dataDir: folder.path,
      pid: server.pid,
      stop: () => ended ??= end(false),
      kill: () => ended ??= end(true),
    }
  } catch (error) {
    await release()
    throw error
  }
}

/** @returns a random secret, kept in a file that only the owner of the folder can read */
export async function keptSecret(folder: DataFolder | string, name: string): Promise<string> {
  const { path, user } = typeof folder === 'string' ? { path: folder } : folder
  const file = join(path, name)
  const kept = await readFile(file, 'utf8').catch(() => '')
  if (kept) return kept.trim()
  const secret = randomBytes(24).toString('hex')
  await writeFile(`${file}.new`, `${secret}\n`, { mode: 0o600 })
  if (user) await chown(`${file}.new`, user.uid, user.gid)
  await rename(`${file}.new`, file)
  return secret
}

/** After kill -9 of a launcher its PostgreSQL goes on; its port and settings are that one's. */
async function stopOrphan(path: string, log: (line: string) => void): Promise<void> {
  const data = join(path, 'data')
  const file = join(data, 'postmaster.pid')
  const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0])
  if (!pid) return
  const runs = async () => (await processCommand(pid)).includes(`/postgres -D ${data} `)
  if (await runs()) log(`stopping PostgreSQL (process ${pid}), whose launcher is gone`)
  for (const name of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (await runs()) signal(pid, name)
    if (await until(async () => !await runs(), 8_000)) break
  }
  // Another process has got the id, which PostgreSQL would take for a rival. Otherwise the file
  // stays: by it PostgreSQL knows whether a session of the one before is still at work.
  if (await processCommand(pid)) await rm(file, { force: true })
}

async function checkVersion(path: string, version: Version): Promise<void> {
  const found = (await readFile(join(path, 'data', 'PG_VERSION'), 'utf8').catch(() => '')).trim()
  if (found && found !== String(version)) {
    throw new Error(`DATA_DIR: ${path} is of PostgreSQL ${found}, this is ${version}`)
  }
}

/** An interrupted initdb leaves only a folder by another name, which the next one removes. */
async function openCluster(folder: DataFolder, binaries: string, version: Version) {
  const data = join(folder.path, 'data')
  const exists = await readFile(join(data, 'PG_VERSION')).catch(() => undefined)
  const kept = await readFile(join(folder.path, 'password'), 'utf8').catch(() => '')
  if (exists && !kept) throw new Error(`DATA_DIR: ${join(folder.path, 'password')} is missing`)
  const password = await keptSecret(folder, 'password')
  if (!exists) {
    await rm(`${data}.new`, { recursive: true, force: true })
    await initCluster(folder, binaries, version, `${data}.new`)
    await rename(`${data}.new`, data)
  }
  return password
}

async function startServer(folder: DataFolder, binaries: string, options: PostgresOptions) {
  const remembered = join(folder.path, 'port')
  let port = options.port || Number(await readFile(remembered, 'utf8').catch(() => 0))
  // A crashed server's children hold its shared memory until they notice, mostly within a second.
  for (let attempt = 0; attempt < 20; attempt++) {
    if (port && !await isFree('127.0.0.1', port)) {
      if (options.port) throw new Error(`port ${port} is taken`)
      port = 0
    }
    port ||= await freePort()
    const settings = { ...options.settings, port: String(port) }
    const server = await runServer(folder, binaries, settings)
    if (await waitUntilReady(server, folder.path, options.interrupted)) {
      // Replaced rather than written to: the file may be root's from an earlier start.
      await rm(remembered, { force: true })
      await writeFile(remembered, `${port}\n`)
      return { server, port }
    }
    const lines = await lastLines(folder.path)
    if (!/still in use|already exists|already in use/i.test(lines)) {
      throw new Error(`PostgreSQL doesn't start in ${folder.path}: ${lines}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Error(`PostgreSQL doesn't start in ${folder.path}: ${await lastLines(folder.path)}`)
}
