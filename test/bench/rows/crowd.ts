/** crowd: good answers with 2,048 connections against as many connections as serve most. */
import { CONNECTIONS } from '../bench.ts'
import { httpLoop } from '../loops.ts'
import { pair } from '../pairs.ts'
import type { Row } from './row.ts'

const CROWD = 2048
const TRIED = [64, 128, CONNECTIONS, 512, 1024]

export const crowd: Row = async (bench) => {
  const database = await bench.database('shared')
  const program = await bench.service(database)
  const loop = (connections: number) =>
    httpLoop(bench, {
      name: `our debits/s on ${connections}`,
      program,
      database,
      connections,
      // Busy is an answer, too, but not a good one.
      allowed: ['503'],
    })
  const tried: { connections: number; value: number }[] = []
  for (const connections of bench.quick ? [CONNECTIONS] : TRIED) {
    tried.push({ connections, value: (await loop(connections).run(bench.seconds)).value })
  }
  const { connections } = tried.toSorted((a, b) => b.value - a.value)[0]!
  return {
    pairs: [
      await pair(bench, 'crowd', loop(bench.quick ? 512 : CROWD), loop(connections), {
        least: 0.95,
      }),
    ],
    facts: [
      `debits a second by connections: ${
        tried.map((t) => `${t.connections}: ${Math.round(t.value)}`).join(', ')
      }`,
    ],
  }
}
