/**
 * telemetry: debits with metrics, request ids and the access log against debits without any of
 * them.
 */
import { readFileSync } from 'node:fs'
import { serviceEnv } from '../bench.ts'
import { httpLoop } from '../loops.ts'
import { pair } from '../pairs.ts'
import type { Row } from './row.ts'

export const telemetry: Row = async (bench) => {
  const database = await bench.database('shared')
  // Its output goes to a file.
  const program = await bench.service(database, { ACCESS_LOG: 'on' })
  const unobserved = await bench.program('unobserved_app.ts', serviceEnv(database))
  const a = httpLoop(bench, { name: 'debits/s, all observed', program, database })
  const b = httpLoop(bench, { name: 'our debits/s, unobserved', program: unobserved, database })
  const measured = await pair(bench, 'telemetry', a, b, { least: 0.95 })
  const lines = readFileSync(program.output, 'utf8').split('\n').filter((l) =>
    l.includes('"route"')
  )
  const requests = measured.a.phases.reduce((sum, phase) => sum + phase.requests, 0)
  if (lines.length < requests) {
    bench.failures.push(`telemetry: ${lines.length} lines of ${requests}`)
  }
  return { pairs: [measured], facts: [`a line of the access log: ${lines[0]}`] }
}
