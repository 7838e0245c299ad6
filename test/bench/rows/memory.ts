/**
 * memory: what the service keeps in RAM at the end of something long, against soon after its start.
 */
import type { Bench } from '../bench.ts'
import { httpLoop } from '../loops.ts'
import { residentOf } from '../machine.ts'
import type { Pair, Phase } from '../pairs.ts'
import type { Program } from '../programs.ts'
import { LONG_USER, longDatabase } from './long.ts'
import type { Row } from './row.ts'

const SAMPLE_MS = 50
const FRESH = { SNAPSHOT_TTL_SECONDS: '120' }

/** A ratio of two samples, in MiB. */
function grown(name: string, late: [string, number], early: [string, number]): Pair {
  const phases = (value: number): Phase[] => [
    { value, requests: NaN, cpu_ms: { service: NaN, postgres: NaN, load: NaN } },
  ]
  return {
    name,
    a: { name: late[0], phases: phases(late[1]) },
    b: { name: early[0], phases: phases(early[1]) },
    ratios: [late[1] / early[1]],
    goal: { most: 1.25 },
  }
}

/** The most that a process has in RAM while something is done. */
async function peakDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  let peak = residentOf(pid)
  const timer = setInterval(() => peak = Math.max(peak, residentOf(pid)), SAMPLE_MS)
  await work()
  clearInterval(timer)
  return peak
}

/** Reads a whole statement and keeps nothing of it. */
async function readStatement({ url }: Program, user: number): Promise<number> {
  const response = await fetch(`${url}/users/${user}/history`, {
    headers: { Accept: 'application/x-ndjson' },
  })
  let bytes = 0
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) bytes += chunk.length
  return bytes
}

async function crowd(bench: Bench): Promise<{ pair: Pair; fact: string }> {
  const database = await bench.database('shared')
  const connections = bench.quick ? 256 : 2048
  // One that nobody has asked for anything yet.
  const program = await bench.service(database, bench.quick ? {} : FRESH)
  const before = residentOf(program.pid)
  const loop = httpLoop(bench, {
    name: 'memory, crowd',
    program,
    database,
    connections,
    allowed: ['503'],
  })
  const peaks: number[] = []
  const rounds = bench.quick ? 2 : 10
  const seconds = bench.minutes === undefined ? 2 * bench.seconds : bench.minutes * 60 / rounds
  for (let n = 0; n < rounds; n++) {
    peaks.push(await peakDuring(program.pid, () => loop.run(seconds)))
  }
  const half = peaks.length / 2
  const most = (some: number[]) => Math.max(...some)
  return {
    pair: grown(
      'memory, crowd',
      [`MiB at most in the second half of load on ${connections}`, most(peaks.slice(half))],
      ['in the first', most(peaks.slice(0, half))],
    ),
    fact: `${Math.round(before)} MiB at the start, then under ${connections} connections ${
      peaks.map((mib) => Math.round(mib)).join(', ')
    }`,
  }
}

export const memory: Row = async (bench) => {
  const crowded = await crowd(bench)
  const { database, entries } = await longDatabase(bench)
  const program = await bench.service(database, bench.quick ? {} : FRESH)
  const first = await peakDuring(program.pid, () => readStatement(program, LONG_USER))
  let bytes = 0
  const second = await peakDuring(program.pid, async () => {
    bytes = await readStatement(program, LONG_USER)
  })
  const rows = entries.toLocaleString('en-US')
  return {
    pairs: [
      crowded.pair,
      grown(
        'memory, statement',
        [`MiB at most while ${rows} rows stream a second time`, second],
        ['the first time', first],
      ),
    ],
    facts: [crowded.fact, `a statement of ${rows} rows has ${Math.round(bytes / 2 ** 20)} MiB`],
  }
}
