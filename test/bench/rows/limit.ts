/** limit: debits against the same app answering the same requests without a database. */
import { httpLoop } from '../loops.ts'
import { pair } from '../pairs.ts'
import type { Row } from './row.ts'

export const limit: Row = async (bench) => {
  const database = await bench.database('shared')
  const program = await bench.service(database)
  const constant = await bench.program('constant_app.ts')
  const a = httpLoop(bench, { name: 'debits/s', program, database })
  const b = httpLoop(bench, { name: 'answers/s of our app without a database', program: constant })
  const goal = { least: bench.runtime === 'deno' ? 0.45 : 0.75 }
  return { pairs: [await pair(bench, 'limit', a, b, goal)] }
}
