/**
 * spread: debits over HTTP against the function called directly, both on 10,000 users: what batches
 * are worth. Both sides are our own, so there is no goal: it falls when the function gets faster.
 */
import { httpLoop, sqlLoop } from '../loops.ts'
import { pair } from '../pairs.ts'
import type { Row } from './row.ts'

const DIRECT_CONNECTIONS = [1, 2, 4, 8, 16, 32]

export const spread: Row = async (bench) => {
  const database = await bench.database('shared')
  const program = await bench.service(database)
  const tried: { connections: number; value: number }[] = []
  for (const connections of bench.quick ? [4] : DIRECT_CONNECTIONS) {
    const { value } = await sqlLoop(bench, { database, connections }).run(bench.seconds)
    tried.push({ connections, value })
  }
  const { connections } = tried.toSorted((a, b) => b.value - a.value)[0]!
  const a = httpLoop(bench, { name: 'debits/s over HTTP', program, database })
  const b = sqlLoop(bench, { name: `our debit_user/s on ${connections}`, database, connections })
  return {
    pairs: [await pair(bench, 'spread', a, b)],
    facts: [
      `direct calls a second by connections: ${
        tried.map((t) => `${t.connections}: ${Math.round(t.value)}`).join(', ')
      }`,
    ],
  }
}
