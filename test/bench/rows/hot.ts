/** hot: all debits on one user against debits on 10,000. */
import { httpLoop } from '../loops.ts'
import { pair } from '../pairs.ts'
import { SINGLES } from '../postgres.ts'
import type { Row } from './row.ts'

export const hot: Row = async (bench) => {
  const database = await bench.database('shared')
  const program = await bench.service(database)
  const users = { first: SINGLES.first, count: 1 }
  const a = httpLoop(bench, { name: 'debits/s on one user', program, database, users })
  const b = httpLoop(bench, { name: 'our debits/s on 10,000 users', program, database })
  return { pairs: [await pair(bench, 'hot', a, b, { least: 1 })] }
}
