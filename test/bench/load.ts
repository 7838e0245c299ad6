/**
 * The load generator as the rest of the benchmark sees it: a process that does one job at a time.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { RequestKind } from './http_requests.ts'
import type { CallKind } from './sql_calls.ts'

/** Users first, first + 1 … of which each request takes one at random. */
export interface Users {
  first: number
  count: number
}

/** What is there once for each request: holds to capture, entries to reverse. */
export interface Targets {
  users: Uint32Array
  refs: Uint32Array
}

/** Requests of one kind to one server over connections of their own. */
export interface Stream {
  url: string
  request: RequestKind
  users: Users
  /** Of transfers; left out: others of the users. */
  peers?: Users
  /** Each is for one request; the time is over when none is left. */
  targets?: Targets
  connections: number
  /**
   * Requests that arrive in a second, at random, whatever becomes of those before (an open loop).
   * Left out: each connection sends its next one when it has its answer (a closed loop).
   */
  arrivals?: number
}

export interface HttpJob {
  kind: 'http'
  /** At the same time. */
  streams: Stream[]
  seconds: number
}

/** Calls of a function, one a transaction, each connection in a closed loop. */
export interface SqlJob {
  kind: 'sql'
  url: string
  call: CallKind
  /** In each call, of those that take many; left out: one. */
  items?: number
  users: Users
  /** Each is for one call; the time is over when none is left. */
  targets?: Targets
  connections: number
  seconds: number
}

export interface Measured {
  /** Answers with the status that was asked for, within the time of the job; what took how long. */
  perSecond: number
  p50_ms: number
  p99_ms: number
  max_ms: number
  /** All answers with the status that was asked for, also before and after the time. */
  good: number
  /** How often each status was answered; `lost`: the connection ended instead. */
  statuses: Record<string, number>
  /** Who was debited or credited, and which of their entries that was. */
  acks: { action: 'CREDIT' | 'DEBIT'; users: Uint32Array; seqs: Uint32Array }
}

export interface LoadResult {
  streams: Measured[]
  /** What the load generator itself used. */
  cpu_ms: number
}

export interface LoadGenerator {
  run(job: HttpJob | SqlJob): Promise<LoadResult>
  stop(): Promise<void>
}

const PROGRAM = fileURLToPath(new URL('load_process.ts', import.meta.url))

export function startLoadGenerator(): LoadGenerator {
  const child: ChildProcess = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    // Arrays of numbers as they are.
    serialization: 'advanced',
  })
  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        const gone = () => reject(new Error('the load generator has ended'))
        child.once('exit', gone)
        child.once('message', (answer: LoadResult | { failed: string }) => {
          child.off('exit', gone)
          if ('failed' in answer) reject(new Error(answer.failed))
          else resolve(answer)
        })
        child.send(job)
      }),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}
