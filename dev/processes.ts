/**
 * What this machine says about other processes: whether they live, and whether they are the same.
 */
import { execFile } from 'node:child_process'

export interface User {
  uid: number
  gid: number
}

/** `uid` and `gid` are left out where the current user is the right one. */
export const asUser = (user: User | undefined) => user ? { uid: user.uid, gid: user.gid } : {}

/**
 * Runs a POSIX shell script with its arguments in $0, $1 …
 * @returns its output; undefined when it fails or takes more than 10 s
 */
export function shell(script: string, args: string[], user?: User): Promise<string | undefined> {
  return new Promise((resolve) => {
    // PATH only: whatever PG* or LD_* variable a user has set must not reach what runs here.
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' }
    const options = { cwd: '/', env, timeout: 10_000, ...asUser(user) }
    execFile('/bin/sh', ['-c', script, ...args], options, (error, stdout) => {
      resolve(error ? undefined : stdout)
    })
  })
}

// A shell reads /proc because Deno refuses to without every permission; ps is missing on slim
// images.
const STARTED = `if [ -r /proc/$0/stat ]
then cat /proc/$0/stat /proc/sys/kernel/random/boot_id
else LC_ALL=C ps -o stat= -o lstart= -p $0; fi`

/**
 * Tells a process from a later one with the same id: container restarts hand out the same ids
 * again.
 * @returns undefined for a process that has ended, be it as a zombie which nobody has waited for
 */
export async function processStart(pid: number): Promise<string | undefined> {
  const text = (await shell(STARTED, [String(pid)]))?.trim()
  if (!text) return undefined
  const [line = '', bootId] = text.split('\n')
  if (bootId === undefined) return line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '')
  // The second field is the command in parentheses and may hold anything: count from its end.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return /[ZX]/.test(fields[0]!) ? undefined : `${fields[19]} ${bootId}`
}

const COMMAND = `if [ -r /proc/$0/cmdline ]
then tr '\\000' ' ' < /proc/$0/cmdline
else ps -ww -o args= -p $0; fi`

/** @returns the command line of a live process, '' for one that has ended */
export async function processCommand(pid: number): Promise<string> {
  return (await shell(COMMAND, [String(pid)]))?.trim() ?? ''
}

/** Sends a signal; a process that has ended meanwhile is fine. */
export function signal(pid: number, name: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Asks again and again until `done` says yes. @returns false when the time is over */
export async function until(done: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs
  while (!await done()) {
    if (performance.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return true
}
