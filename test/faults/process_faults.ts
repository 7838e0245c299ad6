/** The service itself is killed, stopped, or overtaken by migrations. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Run, run, typeScriptCommand } from '../support/run_typescript.ts'
import type { Cluster } from './cluster.ts'
import type { Scenario } from './scenarios.ts'

let kills = 0
let stops = 0
let applied = 0
let twice = 0

/** Takes the lock that every migration of a table takes, so that everybody has to wait. */
const migrationOf = (round: number) =>
  `-- migrate:up
lock table payment_history in access exclusive mode;
create table migrated_${round} (n integer);
select pg_sleep(0.4);

-- migrate:down
drop table migrated_${round};
`

const migrate = (databaseUrl: string, folder?: string): Run =>
  run([...typeScriptCommand('test/faults/migrate_folder.ts'), ...folder ? [folder] : []], {
    DATABASE_URL: databaseUrl,
  })

async function migrateTwice(databaseUrl: string, folder?: string): Promise<string> {
  const both = [migrate(databaseUrl, folder), migrate(databaseUrl, folder)]
  const ends = await Promise.all(both.map(({ ended }) => ended))
  const output = both.map((one) => one.output()).join('')
  if (ends.some((end) => end !== 0)) throw new Error(`two migrations at once: ${output}`)
  return output
}

export const PROCESS_FAULTS: Scenario[] = [
  {
    name: 'kill -9 of the service',
    rounds: 3,
    loses: true,
    harness: { mayBreakOff: true },
    async strike({ services, burst }) {
      const [service] = services
      await burst(() => service!.kill())
      kills++
      await service!.start()
    },
    evidence: () => Promise.resolve({ kills }),
  },
  {
    name: 'SIGTERM of one of two instances',
    rounds: 3,
    // What had arrived and was not read yet ends without an answer, and without anything done.
    harness: { instances: 2, mayBreakOff: true },
    committed: 0,
    async strike({ services, burst, record, progress }, round) {
      const service = services[round % services.length]!
      const end = await burst(() => service.stop())
      if (end === 0) stops++
      else record.violations.add(`SIGTERM ended with ${end}: ${service.output()}`)
      await progress()
      await service.start()
    },
    evidence: () => Promise.resolve({ stops }),
  },
  {
    name: 'two migrations at once',
    rounds: 2,
    // The first two find nothing at all.
    async prepare(cluster: Cluster, database: string) {
      await cluster.create(database, { empty: true })
      await migrateTwice(cluster.urlOf(database))
    },
    async strike({ url, record }, round) {
      const folder = await mkdtemp(join(tmpdir(), 'ledger-faults-'))
      try {
        // A ledger is known by its migrations.
        await cp('db/migrations', folder, { recursive: true })
        await writeFile(join(folder, `2999010100000${round}_lock.sql`), migrationOf(round))
        const output = await migrateTwice(url, folder)
        const times = output.match(/Applied: /g)?.length ?? 0
        applied += times
        twice++
        if (times !== 1) record.violations.add(`a migration was applied ${times} times: ${output}`)
      } finally {
        await rm(folder, { recursive: true })
      }
    },
    evidence: () => Promise.resolve({ applied, twice }),
  },
]
