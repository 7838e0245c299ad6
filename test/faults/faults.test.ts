/**
 * Callers write through every channel while one thing after the other goes wrong; then everything
 * that they were told has to be true. LEDGER_TEST_SEED repeats what the callers do,
 * LEDGER_TEST_FAULT takes only scenarios with that in their names, LEDGER_TEST_SERVICE=deno runs
 * the service on Deno, LEDGER_TEST_FAULT_ROUNDS multiplies how often each fault strikes.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Harness, startHarness } from './harness.ts'
import { sample, SEED, SHARE } from '../support/share.ts'
import { type Cluster, createCluster } from './cluster.ts'
import type { Impact } from './proof.ts'
import { type Scenario, SCENARIOS } from './scenarios.ts'
import { SERVICE_RUNTIME } from './service_process.ts'

const ONLY = process.env['LEDGER_TEST_FAULT'] ?? ''
const ROUNDS = Number(process.env['LEDGER_TEST_FAULT_ROUNDS'] || 1)
/** Chance decides what is on its way when a fault strikes. */
const MAX_TIMES_ROUNDS = 4

let folder: string
let shared: Cluster

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-faults-'))
  await chmod(folder, 0o755)
  shared = await createCluster({ folder: join(folder, 'cluster') })
})

afterAll(async () => {
  if (shared?.isRunning()) await shared.stop('immediate')
  await rm(folder, { recursive: true, force: true })
})

const hadImpact = ({ committed, lost }: Impact) => committed > 0 && lost > 0

async function strikeAll(scenario: Scenario, harness: Harness): Promise<number> {
  const { rounds, ways = 2, loses, strike } = scenario
  // In a small share each way that it strikes in, and not again.
  const least = (SHARE < 1 ? Math.min(ways, rounds) : rounds) * ROUNDS
  let slowest_ms = 0
  for (let round = 0; round < MAX_TIMES_ROUNDS * rounds * ROUNDS; round++) {
    if (round >= least && (!loses || hadImpact(await harness.impact()))) break
    await strike(harness, round)
    slowest_ms = Math.max(slowest_ms, await harness.recover())
    await harness.progress()
  }
  return slowest_ms
}

/** @returns what wasn't as it has to be */
async function run(scenario: Scenario, cluster: Cluster, n: number): Promise<string[]> {
  const database = `faults_${n}`
  const { cluster: clusterEnv, service: env = {} } = await scenario.environments?.(folder) ?? {}
  if (clusterEnv) {
    await cluster.stop('fast')
    await cluster.start(clusterEnv)
  }
  if (scenario.prepare) await scenario.prepare(cluster, database)
  else await cluster.create(database)
  const options = { folder, cluster, database, seed: SEED + n, env, ...scenario.harness }
  const harness = await startHarness(options)
  try {
    const recovery_ms = await strikeAll(scenario, harness)
    const evidence = await scenario.evidence(harness)
    const impact = await harness.finish()
    const { record: { writes, reads, violations, reasons, slowest_ms }, load } = harness
    for (const [name, times] of Object.entries(evidence)) {
      if (!(times > 0)) violations.add(`it never struck: ${name} ${times}`)
    }
    if (scenario.loses && !hadImpact(impact)) {
      violations.add(`it had no impact: ${JSON.stringify(impact)}`)
    }
    if (impact.committed !== (scenario.committed ?? impact.committed)) {
      violations.add(`${impact.committed} writes were done without an answer`)
    }
    if (scenario.harmless) {
      for (const [reason, times] of reasons) {
        // A machine that has too much to do may let a write wait for longer than it may.
        const isHarm = /unknown/.test(reason) ||
          (/busy/.test(reason) && times > writes.length / 20)
        if (isHarm) violations.add(`it did harm: ${times} ${reason}`)
      }
    }
    const milliseconds = {
      recovery_ms: Math.round(recovery_ms),
      slowest_ms: Math.round(slowest_ms),
    }
    const counts = { done: load.done(), writes: writes.length, reads: reads.length }
    console.log(
      `${scenario.name}: ${
        JSON.stringify({ ...counts, ...impact, ...milliseconds, evidence, reasons: [...reasons] })
      }`,
    )
    return [...violations].slice(0, 20)
  } finally {
    await harness.close()
    if (clusterEnv) {
      await cluster.stop('fast')
      await cluster.start()
    }
  }
}

describe(`LEDGER_TEST_SEED=${SEED}, the service on ${SERVICE_RUNTIME}`, () => {
  const chosen = ONLY
    ? SCENARIOS.filter(({ name }) => name.includes(ONLY))
    : sample('faults', SCENARIOS)
  test.for(chosen.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async ([, scenario], { skip }) => {
      const reason = await scenario.missing?.()
      if (reason) skip(reason)
      const n = SCENARIOS.indexOf(scenario)
      const own = await scenario.ownCluster?.()
      try {
        expect(await run(scenario, own?.cluster ?? shared, n)).toEqual([])
      } finally {
        await own?.remove()
      }
    },
  )
})
