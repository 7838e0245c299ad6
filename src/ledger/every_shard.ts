/** Asks every server of a distributed ledger that has shards. */
import type { SettledHistory, SettledSeries } from '../cache/settled_history.ts'
import { Problem } from '../core/errors.ts'
import { unref } from '../core/unref.ts'
import type { Database } from '../database/database.ts'

/** While a shard moves it may be on no server for a moment. */
const ATTEMPTS = 4
const REPEAT_MS = 100

export type DistributedHistory = SettledHistory & { series: readonly SettledSeries[] }

/** Whether users are on several servers. */
export const isDistributed = (history: SettledHistory): history is DistributedHistory =>
  history.series !== undefined

export interface EveryShardOptions {
  /** The connections to a server. */
  reading: (server: { host: string; port: number }) => Database
  /** The ids of all shards. */
  shardIds: () => readonly string[]
}

/**
 * Calls `ask` for each server.
 * @returns what they answer; each shard is in one of the answers, or in several while it moves
 * @throws Problem busy if a shard is on none of the servers
 */
export async function askEveryShard<Answer extends { shards: readonly string[] }>(
  { reading, shardIds }: EveryShardOptions,
  history: DistributedHistory,
  ask: (database: Database, epoch: string) => Promise<Answer>,
): Promise<Answer[]> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const answers = await Promise.all(
      history.series.flatMap(({ address, epoch }) => address ? [ask(reading(address), epoch)] : []),
    )
    const shards = new Set(answers.flatMap((answer) => answer.shards))
    if (shardIds().every((id) => shards.has(id))) return answers
    await new Promise<void>((resolve) => unref(setTimeout(resolve, REPEAT_MS)))
  }
  throw new Problem('busy')
}
