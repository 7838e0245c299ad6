/** Runs a file of the project in a process of its own, on the runtime that runs the tests. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url))

/** On Node, whatever the tests run on. */
export function nodeCommand(file: string): string[] {
  const node = 'Deno' in globalThis ? 'node' : process.execPath
  return [node, '--import', './test/support/strip_types.mjs', file]
}

/** On Deno with the permissions of `deno task start`. */
export function typeScriptCommand(file: string): string[] {
  if (!('Deno' in globalThis)) return nodeCommand(file)
  const { tasks } = JSON.parse(readFileSync(`${PROJECT}/deno.json`, 'utf8')) as {
    tasks: { start: string }
  }
  return [process.execPath, ...tasks.start.split(' ').slice(1, -1), file]
}

export interface Run {
  pid: number
  signal(name: NodeJS.Signals): void
  /** Nothing that it writes is read until `resume`. */
  pause(): void
  resume(): void
  /** Nobody reads any more what it writes. */
  hangUp(): void
  /** Everything written so far, to either stream, line by line. */
  output(): string
  /** Resolves with the match; rejects with the output if the process ends without one. */
  line(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves with the exit code, or the name of the signal. */
  ended: Promise<number | string>
}

export const runTypeScript = (file: string, args: string[], env: Record<string, string> = {}) =>
  run([...typeScriptCommand(file), ...args], env)

/** Nothing of the environment is passed on but what a program needs to be found. */
export function run(command: string[], env: Record<string, string>): Run {
  const child = spawn(command[0]!, command.slice(1), {
    cwd: PROJECT,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const streams = [child.stdout, child.stderr]
  let lines = ''
  // What has no end of a line yet: a chunk of one stream may end within a line, and one of the
  // other comes next.
  const rests = streams.map(() => '')
  const output = () => lines + rests.join('')
  for (const [n, stream] of streams.entries()) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const text = rests[n] + chunk
      const end = text.lastIndexOf('\n') + 1
      lines += text.slice(0, end)
      rests[n] = text.slice(end)
      child.emit('text')
    })
  }
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? code ?? 'unknown'))
  })
  const line = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(output())
        if (match) resolve(match)
        return match
      }
      if (look()) return
      child.on('text', look)
      // It may have ended before.
      const miss = () => look() ?? reject(new Error(`no ${pattern} in: ${output()}`))
      void ended.then(miss, reject)
    })
  // Not child.kill(): on Deno it then reports that signal in place of the exit code.
  const signal = (name: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(child.pid!, name)
  }
  return {
    pid: child.pid!,
    signal,
    pause: () => streams.forEach((stream) => stream.pause()),
    resume: () => streams.forEach((stream) => stream.resume()),
    hangUp: () => streams.forEach((stream) => stream.destroy()),
    output,
    line,
    ended,
  }
}
