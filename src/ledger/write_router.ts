/** Gives each operation to the queue of its server, or to the one for all others. */
import { type Operation, type Outcome, usersOf } from './operations.ts'
import type { BatchLedger } from './sender.ts'
import type { Shards } from './shards.ts'
import type { WriteQueue, WriteQueueOptions } from './write_queue.ts'

/** Operations of one call over several servers, which locks their users on one after the other. */
const MAX_BATCH_ACROSS = 64

export interface WriteRouterOptions {
  ledger: BatchLedger
  shards: Pick<Shards, 'isDistributed' | 'serverOf' | 'post'>
  openQueue: (ledger: BatchLedger, limits?: Pick<WriteQueueOptions, 'maxBatch'>) => WriteQueue
}

/**
 * On one server there is one queue. On several, each worker has its own, whose batches have
 * operations of all of its shards; what touches two shards goes through the coordinator, in a queue
 * that holds up none of these. So does a reversal: which other user it may touch isn't known yet.
 */
export class WriteRouter {
  readonly #options: WriteRouterOptions
  readonly #queue: WriteQueue
  #across: WriteQueue | undefined
  readonly #ofServers = new Map<string, WriteQueue>()

  constructor(options: WriteRouterOptions) {
    this.#options = options
    this.#queue = options.openQueue(options.ledger)
  }

  /** Does an operation: see WriteQueue. */
  add(operation: Operation): Promise<Outcome> {
    const { shards } = this.#options
    if (!shards.isDistributed) return this.#queue.add(operation)
    const server = operation.kind === 'reverse' ? undefined : shards.serverOf(usersOf(operation))
    return (server === undefined ? this.#queueAcross() : this.#queueOf(server)).add(operation)
  }

  /** Resolves once everything that was added is answered. */
  async idle(): Promise<void> {
    await Promise.all(this.#queues().map((queue) => queue.idle()))
  }

  /** Operations that wait, of all queues: see WriteQueue. */
  queues(): ReturnType<WriteQueue['queues']> {
    const all = this.#queues().map((queue) => queue.queues())
    const sum = (name: keyof ReturnType<WriteQueue['queues']>) => ({
      used: all.reduce((used, queues) => used + queues[name].used, 0),
      max: all.reduce((max, queues) => max + queues[name].max, 0),
    })
    return { batch: sum('batch'), lock_waiters: sum('lock_waiters'), repeats: sum('repeats') }
  }

  /** Users whom somebody else holds while operations wait for them. */
  lockedUsers(): number {
    return this.#queues().reduce((users, queue) => users + queue.lockedUsers(), 0)
  }

  #queues(): WriteQueue[] {
    return [this.#queue, ...this.#across ? [this.#across] : [], ...this.#ofServers.values()]
  }

  #queueAcross(): WriteQueue {
    const { openQueue, ledger } = this.#options
    return this.#across ??= openQueue(ledger, { maxBatch: MAX_BATCH_ACROSS })
  }

  #queueOf(server: string): WriteQueue {
    const { openQueue, shards } = this.#options
    let queue = this.#ofServers.get(server)
    if (!queue) {
      queue = openQueue({ post: (...args) => shards.post(server, ...args) })
      this.#ofServers.set(server, queue)
    }
    return queue
  }
}
