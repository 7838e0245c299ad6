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
  }
}

export interface Deadlines {
  /**
   * What `work` resolves to, if it is done in time.
   * @throws Problem busy if nothing was sent, else outcome_unknown; or whatever `work` rejects with
   */
  within<T>(work: (deadline: Deadline) => Promise<T>): Promise<T>
}

interface Running extends Deadline {
  isOver: boolean
  endsAt: number
  end: (problem: Problem) => void
}

export interface DeadlinesOptions {
  limitMs: number
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

/** All have the same time, so those that end first are the first in the set. */
export function createDeadlines(
  { limitMs, now = () => performance.now() }: DeadlinesOptions,
): Deadlines {
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
      one.end(new Problem(one.isSent ? 'outcome_unknown' : 'busy'))
    }
    if (running.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  function start(one: Running) {
    if (one.isOver) return
    one.endsAt = now() + limitMs
    running.delete(one)
    running.add(one)
    timer ??= setInterval(sweep, sweepMs)
  }

  return {
    within(work) {
      return new Promise((resolve, reject) => {
        const one: Running = {
          isOver: false,
          isSent: false,
          endsAt: 0,
          end: reject,
          release: () => void running.delete(one),
          restart: () => start(one),
        }
        start(one)
        const done = () => void running.delete(one)
        work(one).finally(done).then(resolve, reject)
      })
    },
  }
}
