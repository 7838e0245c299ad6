/** A transaction pooler between a service and its database. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'

const PROGRAM = '/usr/sbin/pgbouncer'

export const pgbouncerMissing = spawnSync(PROGRAM, ['--version']).status === 0
  ? undefined
  : 'PgBouncer is not installed (apt-get install pgbouncer)'

export interface Pooler {
  /** The same database, through the pooler. */
  url: string
  close(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts it with nothing set but what it needs, for whoever `databaseUrl` logs in as. */
export async function startPgbouncer(
  databaseUrl: string,
  settings: {
    pool_mode: 'transaction' | 'session'
    default_pool_size?: number
    ignore_startup_parameters?: string
  },
): Promise<Pooler> {
  const target = new URL(databaseUrl)
  const url = new URL(databaseUrl)
  url.port = String(await freePort())
  const folder = await mkdtemp(join(tmpdir(), 'ledger-pgbouncer-'))
  const users = `"${target.username}" "${decodeURIComponent(target.password)}"\n`
  await writeFile(join(folder, 'users.txt'), users)
  const own = {
    listen_addr: '127.0.0.1',
    listen_port: url.port,
    unix_socket_dir: '',
    auth_type: 'plain',
    auth_file: join(folder, 'users.txt'),
    ...settings,
  }
  await writeFile(
    join(folder, 'pgbouncer.ini'),
    [
      '[databases]',
      `* = host=${target.hostname} port=${target.port}`,
      '[pgbouncer]',
      ...Object.entries(own).map(([name, value]) => `${name} = ${value}`),
    ].join('\n'),
  )
  // It refuses to run as root, so somebody else has to be able to read this.
  await chmod(folder, 0o755)
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = spawn(PROGRAM, [...user, join(folder, 'pgbouncer.ini')], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  await answers(url.href)
  return {
    url: url.href,
    async close() {
      kill()
      process.off('exit', kill)
      await ended
      await rm(folder, { recursive: true })
    },
  }
}

/** Settles when it does, or fails for another reason than that nobody listens yet. */
async function answers(url: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const sql = postgres(url, { max: 1, fetch_types: false, connect_timeout: 5 })
    try {
      await sql.unsafe('select')
      return
    } catch (error) {
      if ((error as { code?: string }).code !== 'ECONNREFUSED' || attempt === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    } finally {
      await sql.end()
    }
  }
}
