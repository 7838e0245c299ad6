/** idle: how long one debit after the other takes, over HTTP against directly. */
import type { LoadResult } from '../load.ts'
import { httpLoop, sqlLoop } from '../loops.ts'
import { pair } from '../pairs.ts'
import type { Row } from './row.ts'

export const idle: Row = async (bench) => {
  const database = await bench.database('shared')
  const program = await bench.service(database)
  const valueIn = ({ streams }: LoadResult) => streams[0]!.p50_ms
  const http = { name: 'p50 over HTTP, ms', program, database, connections: 1, valueIn }
  const a = httpLoop(bench, http)
  const b = sqlLoop(bench, { database, connections: 1, valueIn })
  b.name = 'p50 of our debit_user, ms'
  return { pairs: [await pair(bench, 'idle', a, b, { most: 1.5 })] }
}
