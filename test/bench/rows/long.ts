/** long: every operation on one user with a million entries against one with a hundred. */
import type { Bench } from '../bench.ts'
import { lengthen } from '../long_history.ts'
import { httpLoop, type LoopOptions } from '../loops.ts'
import { type Pair, pair } from '../pairs.ts'
import { SINGLES } from '../postgres.ts'
import { createSupply } from '../targets.ts'
import type { Row } from './row.ts'

export const LONG_USER = SINGLES.first
const SHORT_USER = SINGLES.first + 1
/** Who gets what the two transfer. */
const PEERS = { first: SINGLES.first + 50, count: 50 }
/** Of one user: all may be active at a time. What one row leaves over, the next takes. */
const MOST_HOLDS = 10_000

type Kind = NonNullable<LoopOptions['request']>

/** Holds come last, and their supply is made for both: whoever has some, the other has as many. */
const KINDS: { name: string; request: Kind; made?: 'HOLD' | 'DEBIT' }[] = [
  { name: 'debits', request: 'debit' },
  { name: 'credits', request: 'credit' },
  { name: 'transfers', request: 'transfer' },
  { name: 'reversals', request: 'reverse', made: 'DEBIT' },
  { name: 'holds', request: 'hold' },
  { name: 'captures', request: 'capture', made: 'HOLD' },
  { name: 'releases', request: 'release', made: 'HOLD' },
]

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
  const suppliesOf = (first: number) => {
    const users = { first, count: 1 }
    return {
      DEBIT: createSupply(database, { kind: 'DEBIT', users }),
      HOLD: createSupply(database, { kind: 'HOLD', users, most: MOST_HOLDS }),
    }
  }
  const supplies = { [LONG_USER]: suppliesOf(LONG_USER), [SHORT_USER]: suppliesOf(SHORT_USER) }
  const pairs: Pair[] = []
  for (const { name, request, made } of KINDS) {
    const on = (side: string, first: number) => {
      const users = { first, count: 1 }
      return httpLoop(bench, {
        name: side,
        program,
        database,
        request,
        users,
        peers: PEERS,
        ...(made && { supply: supplies[first]![made] }),
      })
    }
    const a = on(`${name}/s with ${entries.toLocaleString('en-US')} entries`, LONG_USER)
    const b = on('ours with 100', SHORT_USER)
    pairs.push(await pair(bench, `long, ${name}`, a, b, { least: 0.95 }))
  }
  return { pairs, facts: [`the long history was made in ${seconds} s`] }
}
