/** Gives each operation to the queue of its shard, or to the one for all others. */
import { type Operation, type Outcome, usersOf } from './operations.ts'
import type { LedgerPost } from './post_function.ts'
import type { Shards } from './shards.ts'
import type { WriteQueue, WriteQueueOptions } from './write_queue.ts'

/** Operations of one call over several servers, which locks their users on one after the other. */
const MAX_BATCH_ACROSS = 64

export interface WriteRouterOptions {
  ledger: LedgerPost
  shards: Pick<Shards, 'isDistributed' | 'idOf' | 'inTurn' | 'post'>
  openQueue: (
    ledger: LedgerPost,
    limits?: Pick<WriteQueueOptions, 'maxBatch' | 'inTurn'>,
  ) => WriteQueue
}

/**
 * On one server there is one queue. On several, each shard has its own, whose batches go to the
 * server of the shard; what touches two shards goes through the coordinator, in a queue that holds
 * up none of these. So does a reversal: which other user it may touch isn't known yet.
 */
export class WriteRouter {
  readonly #options: WriteRouterOptions
  readonly #queue: WriteQueue
  #across: WriteQueue | undefined
  readonly #ofShards = new Map<string, WriteQueue>()

  constructor(options: WriteRouterOptions) {
    this.#options = options
    this.#queue = options.openQueue(options.ledger)
  }

  /** Does an operation: see WriteQueue. */
  add(operation: Operation): Promise<Outcome> {
    const { shards } = this.#options
    if (!shards.isDistributed) return this.#queue.add(operation)
    const id = operation.kind === 'reverse' ? undefined : shards.idOf(usersOf(operation))
    return (id === undefined ? this.#queueAcross() : this.#queueOf(id)).add(operation)
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
    return [this.#queue, ...this.#across ? [this.#across] : [], ...this.#ofShards.values()]
  }

  #queueAcross(): WriteQueue {
    const { openQueue, ledger } = this.#options
    return this.#across ??= openQueue(ledger, { maxBatch: MAX_BATCH_ACROSS })
  }

  #queueOf(id: string): WriteQueue {
    const { openQueue, shards } = this.#options
    let queue = this.#ofShards.get(id)
    if (!queue) {
      queue = openQueue(
        { post: (operations, options) => shards.post(id, operations, options) },
        { inTurn: (runBatch) => shards.inTurn(id, runBatch) },
      )
      this.#ofShards.set(id, queue)
    }
    return queue
  }
}
