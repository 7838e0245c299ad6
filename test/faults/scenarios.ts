/** Every fault, once: how it strikes and heals, and how it is known that it did. */
import type { Harness, HarnessOptions } from './harness.ts'
import type { Cluster } from './cluster.ts'
import { CLOCK_FAULTS } from './clock_faults.ts'
import { DATABASE_FAULTS } from './database_faults.ts'
import { NETWORK_FAULTS } from './network_faults.ts'
import { PROCESS_FAULTS } from './process_faults.ts'
import { REDIS_FAULTS } from './redis_faults.ts'

type Environment = { [name: string]: string }

export interface Scenario {
  name: string
  /** How often it strikes, at least. */
  rounds: number
  /** In how many ways it strikes, one in each round. Default: 2. */
  ways?: number
  /** It leaves writes without an answer: some of them done, some not. */
  loses?: boolean
  /** How many writes without an answer are done. */
  committed?: number
  /** No write is left without an answer by it, and next to none is told to come again. */
  harmless?: boolean
  harness?: Partial<HarnessOptions>
  /** Why it can't be had on this machine. */
  missing?: () => Promise<string | undefined>
  /** Another cluster than that of the others, and what there is to do when it is over. */
  ownCluster?: () => Promise<{ cluster: Cluster; remove(): Promise<void> }>
  /** What the cluster and the service are started with. */
  environments?: (folder: string) => Promise<{ [who in 'cluster' | 'service']: Environment }>
  /** In the place of a database with the schema. */
  prepare?: (cluster: Cluster, database: string) => Promise<void>
  /** Strikes and heals. */
  strike: (harness: Harness, round: number) => Promise<void>
  /** What tells that it struck: each number has to be above zero. */
  evidence: (harness: Harness) => Promise<{ [name: string]: number }>
}

export const SCENARIOS: Scenario[] = [
  ...PROCESS_FAULTS,
  ...DATABASE_FAULTS,
  ...NETWORK_FAULTS,
  ...REDIS_FAULTS,
  ...CLOCK_FAULTS,
]
