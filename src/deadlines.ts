/** Ends every request in time, with one coarse timer for all of them. */
import { Problem } from './errors.ts'

const SWEEP_MS = 50

/** How long one request, or one item of it, has. */
export interface Deadline {
  /** It has its answer: nothing more may be begun for it. What is under way goes on. */
  readonly isOver: boolean
  /** Whether a statement that writes for it may be under way, or may have been committed. */
  isSent: boolean
  /** Gives it all the time there is, until `restart`: somebody else limits what it waits for. */
  release(): void
  restart(): void
}

declare module 'hono' {
  interface ContextVariableMap {
    deadline?: Deadline
    /** What waits for a body. */
    bodies: Deadlines
  }
}

export interface Deadlines {
  /**
   * What `work` resolves to, if it is done in time.
   * @throws Problem busy if nothing was sent, else outcome_unknown; or whatever `work` rejects with
   */
  within<T>(work: (deadline: Deadline) => Promise<T>): Promise<T>
}

export interface DeadlinesOptions {
  limitMs: number
  /** What ends a request that is not done in time. */
  problemOf?: (deadline: Deadline) => Problem
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

/** A class, for its methods are made once and not for each request. */
class Running implements Deadline {
  isOver = false
  isSent = false
  endsAt = 0
  readonly #line: Line
  readonly end: (problem: Problem) => void
  constructor(line: Line, end: (problem: Problem) => void) {
    this.#line = line
    this.end = end
  }
  release(): void {
    this.#line.running.delete(this)
  }
  restart(): void {
    if (!this.isOver) this.#line.append(this)
  }
}

/** All have the same time, so those that end first are the first in the set. */
interface Line {
  running: Set<Running>
  append(one: Running): void
}

export function createDeadlines(options: DeadlinesOptions): Deadlines {
  const { limitMs, now = () => performance.now() } = options
  const { problemOf = ({ isSent }) => new Problem(isSent ? 'outcome_unknown' : 'busy') } = options
  const running = new Set<Running>()
  const sweepMs = Math.min(SWEEP_MS, limitMs / 4)
  let timer: ReturnType<typeof setInterval> | undefined

  function sweep() {
    // Rather a little early than late.
    const until = now() + sweepMs
    for (const one of running) {
      if (one.endsAt > until) break
      running.delete(one)
      one.isOver = true
      one.end(problemOf(one))
    }
    if (running.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  const line: Line = {
    running,
    append(one) {
      one.endsAt = now() + limitMs
      running.delete(one)
      running.add(one)
      timer ??= setInterval(sweep, sweepMs)
    },
  }

  return {
    within(work) {
      return new Promise((resolve, reject) => {
        const one = new Running(line, reject)
        line.append(one)
        work(one).then((value) => {
          running.delete(one)
          resolve(value)
        }, (error: Error) => {
          running.delete(one)
          reject(error)
        })
      })
    },
  }
}
