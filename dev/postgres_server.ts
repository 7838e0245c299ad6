/** The programs initdb and postgres: how they are run, watched and stopped. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { DataFolder } from './data_folder.ts'
import type { Version } from './postgres_binaries.ts'
import { asUser, signal, until } from './processes.ts'

/** Nothing of the caller's PG* variables may steer a server that it doesn't know of. */
const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }

const READY_MS = 300_000 // Crash recovery may have a lot to replay.
const FAST_STOP_MS = 8_000
const IMMEDIATE_STOP_MS = 4_000

export interface Server {
  pid: number
  hasEnded(): boolean
  /** Settles when it has. */
  ended: Promise<void>
}

/** Makes a cluster in `data`: UTF-8, sorted by code point, checksums, passwords for everybody. */
export async function initCluster(
  folder: DataFolder,
  binaries: string,
  version: Version,
  data: string,
): Promise<void> {
  const locale = version === 16
    ? ['--locale=C']
    : ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
  const args = [
    `--pgdata=${data}`,
    '--username=postgres',
    `--pwfile=${join(folder.path, 'password')}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--data-checksums',
    '--no-instructions',
    ...locale,
  ]
  const options = { cwd: '/', env: ENV, timeout: 120_000, detached: true, ...asUser(folder.user) }
  await new Promise<void>((resolve, reject) => {
    execFile(join(binaries, 'bin', 'initdb'), args, options, (error, _, stderr) => {
      if (!error) return resolve()
      const reason = stderr.trim().split('\n').slice(-3).join(' | ') || error.message
      reject(new Error(`PostgreSQL can't make its data folder in ${folder.path}: ${reason}`))
    })
  })
}

/** Starts `postgres` in a data folder, in a session of its own. */
export async function runServer(
  folder: DataFolder,
  binaries: string,
  settings: Record<string, string>,
): Promise<Server> {
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings }
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = join(folder.path, 'log')
  await rename(log, `${log}.1`).catch(() => {})
  const output = await open(log, 'a', 0o600)
  const child: ChildProcess = spawn(
    join(binaries, 'bin', 'postgres'),
    ['-D', join(folder.path, 'data'), ...args],
    {
      cwd: '/',
      env: ENV,
      detached: true,
      // A file rather than a pipe: it outlives a launcher that is killed.
      stdio: ['ignore', output.fd, output.fd],
      ...asUser(folder.user),
    },
  )
  let hasEnded = false
  const spawned = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      hasEnded = true
      resolve()
    })
  })
  try {
    await spawned
  } finally {
    await output.close()
  }
  child.unref()
  return { pid: child.pid!, hasEnded: () => hasEnded, ended }
}

/** @returns false when it has ended instead */
export async function waitUntilReady(
  server: Server,
  path: string,
  interrupted = () => false,
): Promise<boolean> {
  let ready = false
  await until(async () => {
    // The postmaster keeps its state in the 8th line of this file, where pg_ctl looks for it too.
    const text = await readFile(join(path, 'data', 'postmaster.pid'), 'utf8').catch(() => '')
    const lines = text.split('\n')
    ready = lines[0] === String(server.pid) && lines[7]?.trim() === 'ready'
    return ready || server.hasEnded() || interrupted()
  }, READY_MS)
  if (!ready) await stopServer(server)
  return ready
}

/** Fast shutdown: sessions end, what is open rolls back. If that hangs, at once. */
export async function stopServer(server: Server): Promise<void> {
  const ended = () => Promise.resolve(server.hasEnded())
  const steps = [['SIGINT', FAST_STOP_MS], ['SIGQUIT', IMMEDIATE_STOP_MS], ['SIGKILL', 2_000]]
  for (const [name, timeoutMs] of steps as ['SIGINT' | 'SIGQUIT' | 'SIGKILL', number][]) {
    if (server.hasEnded()) return
    signal(server.pid, name)
    if (await until(ended, timeoutMs)) return
  }
}

/** @returns what PostgreSQL said last, as one line */
export async function lastLines(path: string): Promise<string> {
  const text = await readFile(join(path, 'log'), 'utf8').catch(() => '')
  return text.trim().split('\n').slice(-3).map((line) => line.trim()).join(' | ')
}
