/** calls: the functions that people call, against the naive function, by the same client. */
import type { Bench } from '../bench.ts'
import type { LedgerDatabase } from '../ledger_database.ts'
import { type CallOptions, sqlLoop } from '../loops.ts'
import { createNaive, refillNaive } from '../naive_database.ts'
import { type Goal, type Pair, pair } from '../pairs.ts'
import { MANY } from '../postgres.ts'
import { short } from '../table.ts'
import { createSupply } from '../targets.ts'
import type { Row } from './row.ts'

/** What each of these needs is made beforehand: only the call itself is measured. */
const MADE = { capture: 'HOLD', release: 'HOLD', reverse: 'DEBIT' } as const

interface Compared {
  name: string
  call: NonNullable<CallOptions['call']>
  naive: 'naive debit' | 'naive transfer'
  goal: Goal
  /** Left out: 1 and 8. */
  connections?: number[]
}

const CONNECTIONS = [1, 8]

const DEBIT = { naive: 'naive debit', goal: { least: 0.7 } } as const

/** Holds come last: who has some is looked at once more by whatever comes after. */
const COMPARED: Compared[] = [
  { ...DEBIT, name: 'debit_user', call: 'debit', goal: { least: 1 } },
  { ...DEBIT, name: 'credit_user', call: 'credit', goal: { least: 1 } },
  { ...DEBIT, name: 'debit_user, key', call: 'keyed debit', goal: { least: 0.8 } },
  { name: 'transfer', call: 'transfer', naive: 'naive transfer', goal: { least: 1.2 } },
  { ...DEBIT, name: 'reverse_entry', call: 'reverse' },
  { ...DEBIT, name: 'place_hold', call: 'hold' },
  { ...DEBIT, name: 'capture_hold', call: 'capture' },
  { ...DEBIT, name: 'release_hold', call: 'release' },
]

const few = (connections: number) => `${connections} connection${connections > 1 ? 's' : ''}`

/** Connections keep their plans, so little has to be warm. */
const ofCalls = (bench: Bench) => ({ ...bench, warm_seconds: bench.warm_seconds / 4 })

async function compare(
  bench: Bench,
  database: LedgerDatabase,
  naive: string,
  compared: Compared,
): Promise<Pair[]> {
  const { name, call, goal } = compared
  const made = call in MADE ? MADE[call as keyof typeof MADE] : undefined
  const supply = made && createSupply(database, { kind: made, users: MANY })
  const pairs: Pair[] = []
  for (const connections of bench.quick ? CONNECTIONS.slice(-1) : CONNECTIONS) {
    if (!bench.quick) await refillNaive(naive)
    const a = sqlLoop(bench, {
      name: `${name}/s on ${few(connections)}`,
      database,
      call,
      connections,
      ...(supply && { supply }),
    })
    const b = sqlLoop(bench, {
      name: `${compared.naive}/s`,
      url: naive,
      call: compared.naive,
      connections,
    })
    pairs.push(await pair(ofCalls(bench), `calls, ${name}, ${connections}`, a, b, goal))
  }
  return pairs
}

export const calls: Row = async (bench) => {
  const database = await bench.database('calls')
  const naive = await createNaive(bench, 'naive_calls')
  const on = (connections: number) =>
    sqlLoop(bench, { name: `our debit_user/s on ${few(connections)}`, database, connections })
  const [two, many] = bench.quick ? [1, 2] : [2, 16]
  const pairs = [
    await pair(ofCalls(bench), 'calls, many', on(many), on(two), { least: 1.2 }),
  ]
  for (const compared of COMPARED) pairs.push(...await compare(bench, database, naive, compared))
  const updates: string[] = []
  for (const connections of bench.quick ? [1] : CONNECTIONS) {
    const name = 'a bare UPDATE'
    const bare = sqlLoop(bench, { name, url: naive, call: 'bare update', connections })
    updates.push(`${connections}: ${short((await bare.run(bench.seconds)).value)}`)
  }
  return { pairs, facts: [`a bare UPDATE, times a second by connections: ${updates.join(', ')}`] }
}
