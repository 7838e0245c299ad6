/** The clock of a machine is moved by an hour, and back again. */
import { existsSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Harness } from './harness.ts'
import { pause, until } from './pause.ts'
import type { Scenario } from './scenarios.ts'

const HOUR_SECONDS = 3600
/** How long a process may go on with the clock that it had. */
const CACHE_SECONDS = 1
const SHOWS_MS = 100_000

/** Whose clock, in the order of the rounds: everybody's, or that of one who disagrees. */
const WHOSE = [['database', 'service'], ['database'], ['service']] as const
type Machine = typeof WHOSE[number][number]

function library(): string | undefined {
  const folders = ['/usr/lib', ...readdirSync('/usr/lib').map((name) => `/usr/lib/${name}`)]
  return folders.map((folder) => `${folder}/faketime/libfaketimeMT.so.1`).find(existsSync)
}

const fileOf = (folder: string, machine: Machine) => join(folder, `clock-${machine}`)

/** For a process whose clock is what the file says. */
const environment = (folder: string, machine: Machine) => ({
  LD_PRELOAD: library()!,
  FAKETIME_TIMESTAMP_FILE: fileOf(folder, machine),
  FAKETIME_CACHE_DURATION: String(CACHE_SECONDS),
  // Only the time of day is moved: timers go on.
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  FAKETIME_DISABLE_SHM: '1',
})

/** How far ahead of ours each clock is, in seconds. */
async function aheadOf(harness: Harness): Promise<{ [machine in Machine]: number }> {
  const [row] = await harness.sql((sql) =>
    sql`select extract(epoch from clock_timestamp())::float8 as now`
  )
  const logged = harness.services[0]!.output()
  const time = /"time":"([^"]+)"/.exec(logged.slice(logged.lastIndexOf('"time":"')))?.[1]
  return {
    database: row!['now'] - Date.now() / 1000,
    service: (Date.parse(time!) - Date.now()) / 1000,
  }
}

const shows = (harness: Harness, wanted: { [machine in Machine]: number }) =>
  until(SHOWS_MS, async () => {
    const ahead = await aheadOf(harness)
    return Object.entries(wanted).every(([machine, seconds]) =>
      Math.abs(ahead[machine as Machine] - seconds) < HOUR_SECONDS / 10
    )
  })

function clock(name: string, seconds: number): Scenario {
  let moved = 0
  let back = 0
  return {
    name,
    rounds: WHOSE.length,
    ways: WHOSE.length,
    missing: () =>
      Promise.resolve(library() ? undefined : 'libfaketime is missing (package faketime)'),
    async environments(folder) {
      for (const machine of WHOSE[0]) await writeFile(fileOf(folder, machine), '+0')
      return {
        cluster: environment(folder, 'database'),
        service: environment(folder, 'service'),
      }
    },
    async strike(harness, round) {
      const wanted = { database: 0, service: 0 }
      for (const machine of WHOSE[round % WHOSE.length]!) {
        wanted[machine] = seconds
        const text = `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}`
        await writeFile(fileOf(harness.folder, machine), text)
      }
      if (await shows(harness, wanted)) moved++
      await harness.progress()
      await pause(500)
      for (const machine of WHOSE[0]) await writeFile(fileOf(harness.folder, machine), '+0')
      if (await shows(harness, { database: 0, service: 0 })) back++
    },
    evidence: () =>
      Promise.resolve({
        'moves that showed': moved - (WHOSE.length - 1),
        'moves back that showed': back - (WHOSE.length - 1),
      }),
  }
}

export const CLOCK_FAULTS: Scenario[] = [
  clock('a clock that is set an hour ahead', HOUR_SECONDS),
  clock('a clock that is set back by an hour', -HOUR_SECONDS),
]
