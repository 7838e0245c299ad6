/**
 * Calls the functions of users on the servers that have them. The map of shards may be out of date:
 * then a server refuses, the coordinator does it instead, and the map is read again.
 */
import type { Versioned } from '../cache/snapshots.ts'
import { BatchTurns } from '../core/batch_turns.ts'
import { isMoved } from '../core/errors.ts'
import { unref } from '../core/unref.ts'
import type { Ledger } from './functions.ts'
import type { Operation, Outcome, PostOptions } from './operations.ts'
import { createShardLedger, type ShardLedger, type WorkerDatabases } from './shard_functions.ts'
import { type Shard, shardOf } from './shard_map.ts'

/** Milliseconds between two reads of the map, at least. */
const REREAD_MS = 1000

export interface ShardsOptions {
  /** Of the coordinator, or of the one server. */
  ledger: Pick<Ledger, 'post' | 'getUsers' | 'getShards' | 'getShardUsers'>
  /** Connects to a server. Connections open when they are needed. */
  openWorker: (server: Pick<Shard, 'host' | 'port'>) => WorkerDatabases
  /** Wraps the functions of a shard, to observe them. */
  observe?: (ledger: ShardLedger) => ShardLedger
}

/** The shards of a distributed ledger: which one has a user, and how its functions are called. */
export class Shards {
  readonly #options: ShardsOptions
  #shards: readonly Shard[] = []
  #byId = new Map<string, ShardLedger>()
  readonly #workers = new Map<string, WorkerDatabases>()
  /** Of the shards of each worker. */
  readonly #turns = new Map<WorkerDatabases, BatchTurns>()
  #turnsById = new Map<string, BatchTurns>()
  #reading: Promise<void> | undefined
  #isEnded = false

  constructor(options: ShardsOptions) {
    this.#options = options
  }

  /** Whether users are on several servers, as far as it is known. */
  get isDistributed(): boolean {
    return this.#shards.length > 0
  }

  /** The id of the shard that all of these users belong to; undefined if there is none. */
  idOf([first, ...others]: number[]): string | undefined {
    const { id } = shardOf(this.#shards, first!)
    return others.every((user) => shardOf(this.#shards, user).id === id) ? id : undefined
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

  /** Posts operations all of whose users are in one shard. */
  async post(id: string, operations: Operation[], options: PostOptions): Promise<Outcome[]> {
    const { ledger } = this.#options
    return await this.#inShard(id, (shard) => shard.post(operations, options)) ??
      await ledger.post(operations, options)
  }

  /** Runs a batch of a shard when it is its turn among those of its server. */
  async inTurn(id: string, runBatch: () => Promise<void>): Promise<void> {
    const turns = this.#turnsById.get(id)
    await (turns ? turns.take(runBatch) : runBatch())
  }

  /** Reads users, each from its server. */
  async getUsers(ids: number[]): Promise<Map<number, Versioned>> {
    const { ledger } = this.#options
    if (!this.isDistributed) return await ledger.getUsers(ids)
    const byShard = new Map<string, number[]>()
    for (const user of ids) {
      const { id } = shardOf(this.#shards, user)
      const users = byShard.get(id)
      if (users) users.push(user)
      else byShard.set(id, [user])
    }
    const found = await Promise.all(
      Array.from(
        byShard,
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
    const databases = Array.from(this.#workers.values(), (worker) => Object.values(worker))
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

  #readSoon(): void {
    if (this.#reading) return
    this.#reading = this.#read().catch(() => {}).then(() => {
      unref(setTimeout(() => this.#reading = undefined, REREAD_MS))
    })
  }

  async #read(): Promise<void> {
    const shards = await this.#options.ledger.getShards()
    const { observe = (ledger) => ledger } = this.#options
    const workers = shards.map((shard) => [shard, this.#workerOf(shard)] as const)
    this.#byId = new Map(
      workers.map(([shard, worker]) => [shard.id, observe(createShardLedger(worker, shard))]),
    )
    this.#turnsById = new Map(workers.map(([{ id }, worker]) => [id, this.#turns.get(worker)!]))
    this.#shards = shards
  }

  #workerOf(server: Pick<Shard, 'host' | 'port'>): WorkerDatabases {
    const name = `${server.host}:${server.port}`
    let worker = this.#workers.get(name)
    if (!worker) {
      this.#workers.set(name, worker = this.#options.openWorker(server))
      const { max } = worker.batches.connections()
      this.#turns.set(worker, new BatchTurns(max))
    }
    return worker
  }
}
