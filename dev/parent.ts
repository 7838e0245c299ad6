/** Notices that whoever has started this process is gone. */
import { readFileSync } from 'node:fs'

/** Calls back once, at most about a second late. */
export function onParentGone(callback: () => void): void {
  const parents = parentIds()
  const timer = setInterval(() => {
    if (parentIds() === parents) return
    clearInterval(timer)
    callback()
  }, 1_000)
  timer.unref()
}

/** npm runs `sh -c …`, and that shell may stay between npm and this process: it lives on alone. */
function parentIds(): string {
  const shell = process.env['npm_lifecycle_event'] &&
    /^\S*sh\0-c\0/.test(readProcess(process.ppid, 'cmdline'))
  // The second field is the command in parentheses and may hold anything: count from its end.
  const fields = shell ? readProcess(process.ppid, 'stat').replace(/^.*\) /s, '').split(' ') : []
  return `${process.ppid} ${fields[1] ?? ''}`
}

/** '' where there is no /proc, or on Deno, which refuses it; both do without that shell. */
function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
