/** The processes that are measured: each in one of its own, on the runtime that was asked for. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../dev/processes.ts'
import { PROJECT } from '../support/run_typescript.ts'

export type Runtime = 'node' | 'deno'

const START_MS = 30_000
const STOP_MS = 12_000

export interface Program {
  url: string
  pid: number
  /** Where it says what it says. */
  output: string
  stop(): Promise<void>
}

let deno: string | undefined

/** The program itself: its wrapper would stay in between, and outlive a signal. */
const denoPath = () =>
  deno ??= execFileSync(process.execPath, [
    join(PROJECT, 'node_modules/deno/bin.cjs'),
    'eval',
    'console.log(Deno.execPath())',
  ], { encoding: 'utf8' }).trim()

/** As the script or the task does that runs the file, or the one that serves. */
function commandOf(runtime: Runtime, file: string): string[] {
  const name = file.endsWith('dev/start.ts') ? 'start' : 'serve'
  const read = (name: string) => JSON.parse(readFileSync(join(PROJECT, name), 'utf8'))
  if (runtime === 'node') {
    const { scripts } = read('package.json') as { scripts: Record<typeof name, string> }
    return [process.execPath, ...scripts[name].split(' ').slice(2, -1), file]
  }
  const { tasks } = read('deno.json') as { tasks: Record<typeof name, string> }
  return [denoPath(), ...tasks[name].split(' ').slice(1, -1), file]
}

/** A run that is killed stops nothing: somebody else has to see that it is gone. */
function stopAfterKill(pid: number): ChildProcess {
  const script = 'while kill -0 $0 2>/dev/null; do sleep 1; done; kill -9 $1'
  const args = ['-c', script, String(process.pid), String(pid)]
  return spawn('/bin/sh', args, { detached: true, stdio: 'ignore' })
}

let started = 0

/**
 * Starts a file of the project that says `listens on URL` when it does.
 * @param folder for what it writes
 */
export async function startProgram(
  runtime: Runtime,
  file: string,
  env: Record<string, string>,
  folder: string,
): Promise<Program> {
  const output = join(folder, `program-${++started}.log`)
  const descriptor = openSync(output, 'w')
  const [command, ...args] = commandOf(runtime, file)
  const child = spawn(command!, args, {
    cwd: PROJECT,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', descriptor, descriptor],
  })
  closeSync(descriptor)
  let ended = false
  child.once('exit', () => ended = true)
  child.once('error', () => ended = true)
  const watcher = stopAfterKill(child.pid!)
  const stop = async () => {
    const hasEnded = () => Promise.resolve(ended)
    if (!ended) child.kill('SIGTERM')
    if (!await until(hasEnded, STOP_MS)) child.kill('SIGKILL')
    await until(hasEnded, STOP_MS)
    watcher.kill('SIGKILL')
  }

  let url: string | undefined
  await until(() => {
    url = /listens on (http:\S+)/.exec(readFileSync(output, 'utf8'))?.[1]
    return Promise.resolve(url !== undefined || ended)
  }, START_MS)
  if (url === undefined) {
    await stop()
    throw new Error(`${file} doesn't start: ${readFileSync(output, 'utf8').trim()}`)
  }
  return { url, pid: child.pid!, output, stop }
}
