/**
 * start: debits of all in one command, with its own store of snapshots, against the service alone.
 */
import { serviceEnv } from '../bench.ts'
import { httpLoop } from '../loops.ts'
import { pair } from '../pairs.ts'
import type { Row } from './row.ts'

export const start: Row = async (bench) => {
  const database = await bench.database('shared')
  const program = await bench.service(database)
  const all = await bench.program('../../dev/start.ts', {
    ...serviceEnv(database),
    MIGRATE_DATABASE_URL: database.url,
  })
  const a = httpLoop(bench, { name: 'debits/s of npm start', program: all, database })
  const b = httpLoop(bench, { name: 'of our npm run serve without Redis', program, database })
  return { pairs: [await pair(bench, 'start', a, b, { least: 0.7 })] }
}
