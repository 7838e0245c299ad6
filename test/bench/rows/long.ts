/** long: debits on one user with a million entries against one with a hundred. */
import type { Bench } from '../bench.ts'
import { lengthen } from '../long_history.ts'
import { httpLoop } from '../loops.ts'
import { pair } from '../pairs.ts'
import { SINGLES } from '../postgres.ts'
import type { Row } from './row.ts'

export const LONG_USER = SINGLES.first
const SHORT_USER = SINGLES.first + 1

let made: Promise<unknown> | undefined

/** A database in which one user has a long history. */
export async function longDatabase(bench: Bench) {
  const database = await bench.database('long')
  const entries = bench.quick ? 20_000 : 1_000_000
  made ??= lengthen(database, [LONG_USER], entries - 1)
  await made
  return { database, entries }
}

export const long: Row = async (bench) => {
  const since = performance.now()
  const { database, entries } = await longDatabase(bench)
  const seconds = ((performance.now() - since) / 1000).toFixed(1)
  await lengthen(database, [SHORT_USER], 99)
  const program = await bench.service(database)
  const on = (name: string, first: number) =>
    httpLoop(bench, { name, program, database, users: { first, count: 1 } })
  const a = on(`debits/s with ${entries.toLocaleString('en-US')} entries`, LONG_USER)
  const b = on('debits/s with 100', SHORT_USER)
  return {
    pairs: [await pair(bench, 'long', a, b, { least: 0.95 })],
    facts: [`the long history was made in ${seconds} s`],
  }
}
