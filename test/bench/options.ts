/** What `npm run bench --` takes. */
import { parseArgs } from 'node:util'
import type { Runtime } from './programs.ts'
import { type RowName, ROWS } from './rows.ts'

export interface Options {
  runtime: Runtime
  postgresVersion: 16 | 18
  only: RowName[]
  json?: string
  quick: boolean
  /** A goal that isn't met fails the run. */
  goals: boolean
  /** How long the crowd of the memory row stays; by default as long as other rows take. */
  minutes?: number
}

const listed = (names: string[]): string =>
  names.join(', ').replace(/(.{50,70},) /g, '$1\n           ')

export const HELP = `
usage: npm run bench -- [--runtime node|deno] [--postgres 16|18] [--only ROW,ROW…] [--json FILE]
                        [--quick] [--goals] [--minutes N]

Measures the ledger against a naive one, in ratios that mean the same on every machine.
--runtime  what the service runs on; by default node
--postgres the version of PostgreSQL; by default 18
--only     some rows, of ${listed(Object.keys(ROWS))}
--json     writes everything that was measured to FILE
--quick    a moment for each row: its checks count, and there are no numbers
--goals    fails when a goal is missed
--minutes  how long the crowd of the memory row stays

exit codes: 0 all checks passed, 1 one failed, or with --goals a goal was missed`

/** @throws Error with one line */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      runtime: { type: 'string', default: 'node' },
      postgres: { type: 'string', default: '18' },
      only: { type: 'string' },
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      goals: { type: 'boolean', default: false },
      minutes: { type: 'string' },
    },
  })
  const { runtime, postgres, only, json, quick, goals, minutes } = values
  if (runtime !== 'node' && runtime !== 'deno') throw new Error('--runtime is node or deno')
  if (postgres !== '16' && postgres !== '18') throw new Error('--postgres is 16 or 18')
  if (quick && goals) throw new Error('--goals says nothing of a --quick run')
  if (minutes !== undefined && !(Number(minutes) > 0)) throw new Error('--minutes is a number')
  const names = Object.keys(ROWS) as RowName[]
  const wanted = only?.split(',') ?? names
  const unknown = wanted.find((name) => !names.includes(name as RowName))
  if (unknown !== undefined) throw new Error(`--only ${unknown}: the rows are ${names.join(', ')}`)
  return {
    runtime,
    postgresVersion: postgres === '16' ? 16 : 18,
    only: names.filter((name) => wanted.includes(name)),
    ...(json !== undefined && { json }),
    quick,
    goals,
    ...(minutes !== undefined && { minutes: Number(minutes) }),
  }
}
