/** Turns of batches from several queues that share the connections to one server. */
import { unref } from './unref.ts'

/** A batch that takes longer than this delays none of the others, while there is a connection. */
const SLOW_MS = 100

/**
 * Runs one batch at a time, in the order in which they were due, so that operations of the other
 * queues gather meanwhile, and a batch costs less for each. Another begins beside a slow one.
 */
export class BatchTurns {
  readonly #max: number
  readonly #now: () => number
  /** When the batches in flight began, the oldest first. */
  readonly #begun: number[] = []
  readonly #waiting: ((at: number) => void)[] = []

  /** @param max batches in flight at once, however slow they are */
  constructor(max: number, now = () => performance.now()) {
    this.#max = max
    this.#now = now
  }

  /** Runs a batch when its turn has come. Settles as the batch does. */
  async take(runBatch: () => Promise<void>): Promise<void> {
    const at = await new Promise<number>((begin) => {
      this.#waiting.push(begin)
      this.#start()
    })
    try {
      await runBatch()
    } finally {
      this.#begun.splice(this.#begun.indexOf(at), 1)
      this.#start()
    }
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#begun.length < this.#max) {
      const at = this.#now()
      const leftMs = this.#begun.length === 0 ? 0 : this.#begun.at(-1)! + SLOW_MS - at
      if (leftMs > 0) {
        unref(setTimeout(() => this.#start(), Math.ceil(leftMs)))
        return
      }
      this.#begun.push(at)
      this.#waiting.shift()!(at)
    }
  }
}
