/** bare: debits against Hono that checks the same body and does nothing. */
import { httpLoop } from '../loops.ts'
import { pair } from '../pairs.ts'
import type { Row } from './row.ts'

export const bare: Row = async (bench) => {
  const database = await bench.database('shared')
  const program = await bench.service(database)
  const app = await bench.program('bare_app.ts')
  const a = httpLoop(bench, { name: 'debits/s', program, database })
  const b = httpLoop(bench, { name: 'bare POSTs/s', program: app, request: 'bare debit' })
  const goal = { least: bench.runtime === 'deno' ? 0.45 : 0.6 }
  return { pairs: [await pair(bench, 'bare', a, b, goal)] }
}
