/** What this machine says of processes, from /proc; elsewhere than on Linux, nothing. */
import { readdirSync, readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'

/** USER_HZ, which is 100 on every Linux. */
const TICK_MS = 10

/**
 * The fields of /proc/PID/stat from the state on, which is the first; undefined once it is gone.
 */
function statOf(pid: number | string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the command in parentheses and may hold anything: count from its end.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

const [PARENT, USER, SYSTEM, REAPED_USER, REAPED_SYSTEM] = [1, 11, 12, 13, 14]

/** CPU time of a process with all its threads. */
export function cpuOf(pid: number): number {
  const stat = statOf(pid)
  return stat ? (Number(stat[USER]) + Number(stat[SYSTEM])) * TICK_MS : NaN
}

/** The same with its children, those that have ended included. */
export function cpuOfFamily(pid: number): number {
  const parent = statOf(pid)
  if (!parent) return NaN
  const reaped = (Number(parent[REAPED_USER]) + Number(parent[REAPED_SYSTEM])) * TICK_MS
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).reduce((sum, child) => {
    const stat = statOf(child)
    if (Number(stat?.[PARENT]) !== pid) return sum
    return sum + (Number(stat![USER]) + Number(stat![SYSTEM])) * TICK_MS
  }, cpuOf(pid) + reaped)
}

/** Memory of a process that is in RAM, in MiB. */
export function residentOf(pid: number): number {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))!
    return Number(kib) / 1024
  } catch {
    return NaN
  }
}

/** Processors, memory and operating system in a line. */
export function hardware(): string {
  const models = [...new Set(cpus().map(({ model }) => model.trim()))].join(', ')
  const gib = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${models}, ${gib} GiB, ${type()} ${release()}`
}
