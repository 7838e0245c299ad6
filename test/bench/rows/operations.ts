/** operations: everything else over HTTP against debits. */
import type { LoadResult } from '../load.ts'
import { httpLoop, type LoopOptions } from '../loops.ts'
import { type Goal, type Pair, pair } from '../pairs.ts'
import { MANY, SINGLES } from '../postgres.ts'
import { createSupply } from '../targets.ts'
import type { Row } from './row.ts'

/** So many at once, of so few, have to be answered as well, none of them with busy. */
const AT_ONCE = [
  { name: 'transfers between 6 users', request: 'transfer', connections: 600, count: 6 },
  { name: 'holds of one user', request: 'hold', connections: 400, count: 1 },
] as const
const FEW = { first: SINGLES.first + 20, count: 12 }
const GOAL: Goal = { least: 0.6 }

export const operations: Row = async (bench) => {
  // Users without holds are debited in one database, and everything else is done in another.
  const [debited, database] = [await bench.database('shared'), await bench.database('operations')]
  const [other, program] = await Promise.all([bench.service(debited), bench.service(database)])
  const debits = httpLoop(bench, { name: 'our debits/s', program: other, database: debited })
  const loop = (name: string, options: Partial<LoopOptions>) =>
    httpLoop(bench, { name: `${name}/s`, program, database, ...options })
  const supplied = (kind: 'HOLD' | 'DEBIT') => ({
    supply: createSupply(database, { kind, users: MANY }),
  })
  const transfers = loop('transfers', { request: 'transfer' })
  const few = loop('transfers among 12 users', { request: 'transfer', users: FEW })
  const others = {
    credits: { request: 'credit' },
    reversals: { request: 'reverse', ...supplied('DEBIT') },
    // Who has or had holds comes last.
    holds: { request: 'hold' },
    captures: { request: 'capture', ...supplied('HOLD') },
    releases: { request: 'release', ...supplied('HOLD') },
  } as const
  const pairs: Pair[] = [
    await pair(bench, 'operations, transfers', transfers, debits, GOAL),
    await pair(bench, 'operations, few', few, { ...transfers, name: 'ours among 10,000' }, {
      least: 0.8,
    }),
  ]
  for (const [name, options] of Object.entries(others)) {
    pairs.push(await pair(bench, `operations, ${name}`, loop(name, options), debits, GOAL))
  }
  const facts: string[] = []
  for (const { name, count, ...options } of AT_ONCE) {
    const users = { first: SINGLES.first + 40, count }
    const valueIn = ({ streams }: LoadResult) => streams[0]!.max_ms
    const atOnce = loop(`${options.connections} ${name}`, { ...options, users, valueIn })
    const { value, requests } = await atOnce.run(bench.seconds)
    facts.push(
      `${options.connections} ${name} at once: ${requests} answers, the slowest ` +
        `after ${Math.round(value)} ms`,
    )
  }
  return { pairs, facts }
}
