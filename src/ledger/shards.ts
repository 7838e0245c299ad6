/**
 * Calls the functions of users on the servers that have them. The map of shards may be out of date:
 * then a server refuses, the coordinator does it instead, and the map is read again.
 */
import type { Versioned } from '../cache/snapshots.ts'
import { isMoved } from '../core/errors.ts'
import { unref } from '../core/unref.ts'
import type { Database } from '../database/database.ts'
import type { Ledger } from './functions.ts'
import type { Operation, Outcome, PostOptions } from './operations.ts'
import { createLedgerPost, type LedgerPost } from './post_function.ts'
import { createShardLedger, type ShardLedger, type WorkerDatabases } from './shard_functions.ts'
import { type Shard, shardOf } from './shard_map.ts'

/** Milliseconds between two reads of the map, at least. */
const REREAD_MS = 1000

/** The status of an operation whose shard the server doesn't have. */
const MOVED = 'LGMOV'

export interface ShardsOptions {
  /** Of the coordinator, or of the one server. */
  ledger: Pick<Ledger, 'post' | 'getUsers' | 'getShards' | 'getShardUsers'>
  /** Connects to a server. Connections open when they are needed. */
  openWorker: (server: Pick<Shard, 'host' | 'port'>) => WorkerDatabases
  /** Wraps the functions of a server or a shard, to observe them. */
  observe?: <L extends object>(ledger: L) => L
}

const nameOf = ({ host, port }: Pick<Shard, 'host' | 'port'>): string => `${host}:${port}`

/** The shards of a distributed ledger: which one has a user, and how its functions are called. */
export class Shards {
  readonly #options: ShardsOptions
  #shards: readonly Shard[] = []
  #byId = new Map<string, ShardLedger>()
  readonly #workers = new Map<string, WorkerDatabases & LedgerPost>()
  #reading: Promise<void> | undefined
  #isEnded = false

  constructor(options: ShardsOptions) {
    this.#options = options
  }

  /** Whether users are on several servers, as far as it is known. */
  get isDistributed(): boolean {
    return this.#shards.length > 0
  }

  /** The ids of all shards. */
  get ids(): readonly string[] {
    return this.#shards.map(({ id }) => id)
  }

  /** The connections for short reads to a server. */
  reading(server: Pick<Shard, 'host' | 'port'>): Database {
    return this.#workerOf(server).reading
  }

  /** The server that has the one shard of all of these users; undefined if they have several. */
  serverOf([first, ...others]: number[]): string | undefined {
    const shard = shardOf(this.#shards, first!)
    return others.every((user) => shardOf(this.#shards, user).id === shard.id)
      ? nameOf(shard)
      : undefined
  }

  /** Reads the map, as often as it takes. Resolves with whether users are on several servers. */
  async start(): Promise<boolean> {
    for (;;) {
      try {
        await this.#read()
        return this.isDistributed
      } catch {
        await new Promise<void>((resolve) => unref(setTimeout(resolve, REREAD_MS)))
      }
      if (this.#isEnded) return false
    }
  }

  /**
   * Posts operations, each of users of one shard, in one call of a server. What that doesn't have
   * is done by the coordinator.
   * @returns an Error for each that the coordinator has rejected, whatever the others came to
   */
  async post(
    server: string,
    operations: Operation[],
    options: PostOptions,
  ): Promise<(Outcome | Error)[]> {
    const { ledger } = this.#options
    const parts = this.#byShard(operations.keys(), (n) => operations[n]!.userId)
    // Callers lock in the same order.
    const ids = [...parts.keys()].sort((a, b) => Number(a) - Number(b))
    const order = ids.flatMap((id) => parts.get(id)!)
    const outcomes: (Outcome | Error)[] = []
    try {
      const found = await this.#workers.get(server)!.post(
        order.map((n) => operations[n]!),
        options,
        ids.map((id) => ({ id, count: parts.get(id)!.length })),
      )
      found.forEach((outcome, i) => outcomes[order[i]!] = outcome)
    } catch (error) {
      if (!isMoved(error)) throw error
      this.#readSoon()
      return await ledger.post(operations, options)
    }
    const moved = order.filter((n) => (outcomes[n] as Outcome).status === MOVED)
    if (moved.length === 0) return outcomes
    this.#readSoon()
    const again = await ledger.post(moved.map((n) => operations[n]!), options)
      .catch((error: Error) => moved.map(() => error))
    moved.forEach((n, i) => outcomes[n] = again[i]!)
    return outcomes
  }

  /** Reads users, each from its server. */
  async getUsers(ids: number[]): Promise<Map<number, Versioned>> {
    const { ledger } = this.#options
    if (!this.isDistributed) return await ledger.getUsers(ids)
    const found = await Promise.all(
      Array.from(
        this.#byShard(ids, (user) => user),
        async ([id, users]) =>
          await this.#inShard(id, (shard) => shard.getShardUsers(users)) ??
            await ledger.getShardUsers(users),
      ),
    )
    return new Map(found.flatMap((users) => [...users]))
  }

  /** Connections to the workers with a call in flight, by pool. */
  connections(): Record<string, { used: number; max: number }> {
    if (!this.isDistributed) return {}
    const sum = (pool: keyof WorkerDatabases) =>
      Array.from(this.#workers.values(), (worker) => worker[pool].connections())
        .reduce((a, b) => ({ used: a.used + b.used, max: a.max + b.max }), { used: 0, max: 0 })
    return { worker_post: sum('batches'), worker_wait: sum('waiting'), worker_read: sum('reading') }
  }

  async end(): Promise<void> {
    this.#isEnded = true
    const databases = Array.from(
      this.#workers.values(),
      (one) => [one.batches, one.waiting, one.reading],
    )
    await Promise.all(databases.flat().map((database) => database.end()))
  }

  /** @returns undefined if its server doesn't have the shard, and so did nothing */
  async #inShard<T>(id: string, call: (shard: ShardLedger) => Promise<T>): Promise<T | undefined> {
    const shard = this.#byId.get(id)
    try {
      if (shard) return await call(shard)
    } catch (error) {
      if (!isMoved(error)) throw error
    }
    this.#readSoon()
    return undefined
  }

  #byShard(items: Iterable<number>, userOf: (item: number) => number): Map<string, number[]> {
    const byShard = new Map<string, number[]>()
    for (const item of items) {
      const { id } = shardOf(this.#shards, userOf(item))
      const part = byShard.get(id)
      if (part) part.push(item)
      else byShard.set(id, [item])
    }
    return byShard
  }

  #readSoon(): void {
    if (this.#reading) return
    this.#reading = this.#read().catch(() => {}).then(() => {
      unref(setTimeout(() => this.#reading = undefined, REREAD_MS))
    })
  }

  async #read(): Promise<void> {
    const shards = await this.#options.ledger.getShards()
    const { observe = (ledger) => ledger } = this.#options
    this.#byId = new Map(
      shards.map((shard) => [shard.id, observe(createShardLedger(this.#workerOf(shard), shard))]),
    )
    this.#shards = shards
  }

  #workerOf(server: Pick<Shard, 'host' | 'port'>): WorkerDatabases {
    const { openWorker, observe = (ledger) => ledger } = this.#options
    const name = nameOf(server)
    let worker = this.#workers.get(name)
    if (!worker) {
      const databases = openWorker(server)
      const { batches, waiting } = databases
      worker = { ...databases, ...observe(createLedgerPost(batches, waiting)) }
      this.#workers.set(name, worker)
    }
    return worker
  }
}
