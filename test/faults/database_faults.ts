/** PostgreSQL dies, is stopped, or has no room: for sessions, in a lock, on its disk. */
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Harness } from './harness.ts'
import { type Cluster, createCluster, withSql } from './cluster.ts'
import { pause } from './pause.ts'
import type { Scenario } from './scenarios.ts'

/** So that there are answers on their way when an end dies; those are lost with it. */
const FAR = { kind: 'late', delay_ms: 15 } as const
const LIMIT = 3
/** Sessions with which the service posts: the second batch is sent as the first one takes long. */
const POSTING = 2
const DISK_MEBIBYTES = 160

const execute = promisify(execFile)
let processes = 0
let stops = 0
let terminated = 0
let refused = 0
let exhausted = 0
let filled = 0

/** While the callers are at their busiest, with the network that loses what is on its way. */
async function struckFar(harness: Harness, work: () => Promise<void>): Promise<void> {
  harness.proxy.weather(FAR)
  await harness.burst(work)
  harness.proxy.weather({ kind: 'fair' })
}

const stopped = (mode: 'fast' | 'immediate'): Scenario => ({
  name: `pg_ctl stop -m ${mode}`,
  rounds: 3,
  loses: true,
  async strike(harness) {
    await struckFar(harness, () => harness.cluster.stop(mode))
    stops++
    await harness.cluster.start()
  },
  evidence: () => Promise.resolve({ stops }),
})

async function terminateService(harness: Harness): Promise<void> {
  const rows = await harness.sql((sql) =>
    sql`select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and usename in ('ledger_service', 'people')`
  )
  terminated += rows.length
}

/** The most sessions of the service that wait for a lock at the same moment. */
async function mostWaiting(harness: Harness, duration_ms: number): Promise<number> {
  const end = performance.now() + duration_ms
  let most = 0
  await withSql(harness.cluster.urlOf('postgres'), async (sql) => {
    while (performance.now() < end) {
      const [row] = await sql`select count(*)::int as n from pg_stat_activity
        where usename = 'ledger_service' and wait_event_type = 'Lock'`
      most = Math.max(most, row!['n'])
      await pause(50)
    }
  })
  return most
}

/** On a file system of its own with little room. */
async function smallCluster(): Promise<{ cluster: Cluster; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-faults-disk-'))
  await chmod(folder, 0o755)
  await execute('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MEBIBYTES}m`, 'tmpfs', folder])
  const remove = async () => {
    await execute('umount', ['-l', folder])
    await rm(folder, { recursive: true })
  }
  try {
    const settings = { min_wal_size: '32MB', max_wal_size: '48MB', wal_recycle: 'off' }
    const cluster = await createCluster({ folder: join(folder, 'cluster'), settings })
    return {
      cluster,
      async remove() {
        if (cluster.isRunning()) await cluster.stop('immediate')
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

async function canMount(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-faults-mount-'))
  try {
    await execute('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
    await execute('umount', [folder])
    return undefined
  } catch {
    return 'this user may not mount a tmpfs'
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Takes all the room that is left. */
async function fill(file: string): Promise<void> {
  const ballast = await open(file, 'w')
  const block = Buffer.alloc(64 * 1024)
  try {
    for (;;) await ballast.write(block)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    filled++
  } finally {
    await ballast.close()
  }
}

export const DATABASE_FAULTS: Scenario[] = [
  {
    name: 'kill -9 of every PostgreSQL process',
    rounds: 3,
    loses: true,
    async strike(harness) {
      await struckFar(harness, async () => void (processes += await harness.cluster.kill()))
      await harness.cluster.start()
    },
    evidence: () => Promise.resolve({ processes }),
  },
  stopped('fast'),
  stopped('immediate'),
  {
    name: 'terminated backends',
    rounds: 4,
    loses: true,
    strike: (harness) => struckFar(harness, () => terminateService(harness)),
    evidence: () => Promise.resolve({ terminated }),
  },
  {
    name: 'pool exhausted',
    rounds: 2,
    async strike(harness) {
      // Everything that the service does needs this table: every connection of it has to wait.
      await withSql(harness.url, async (sql) => {
        await sql`begin`
        await sql`lock table payment_history in access exclusive mode`
        const most = await harness.burst(() => mostWaiting(harness, 2_500))
        if (most >= POSTING) exhausted++
        await sql`rollback`
      })
    },
    evidence: () => Promise.resolve({ exhausted }),
  },
  {
    name: 'CONNECTION LIMIT reached',
    rounds: 2,
    async strike(harness) {
      await harness.sql((sql) => sql.unsafe(`alter role ledger_service connection limit ${LIMIT}`))
      await terminateService(harness)
      await pause(1_500)
      await harness.sql((sql) => sql`alter role ledger_service connection limit -1`)
      refused = (await harness.cluster.log()).split('too many connections for role').length - 1
    },
    evidence: () => Promise.resolve({ refused }),
  },
  {
    name: 'disk full',
    rounds: 3,
    missing: canMount,
    ownCluster: smallCluster,
    async strike(harness, round) {
      const ballast = join(harness.cluster.folder, '..', 'ballast')
      await fill(ballast)
      // The log of writes needs another file: it can't go on without one.
      if (round === 1) await harness.sql((sql) => sql`select pg_switch_wal()`).catch(() => {})
      await pause(1_500)
      await rm(ballast)
      if (!harness.cluster.isRunning()) await harness.cluster.start()
    },
    async evidence(harness) {
      const errors = (await harness.cluster.log()).split('No space left on device').length - 1
      return { filled, errors }
    },
  },
]
