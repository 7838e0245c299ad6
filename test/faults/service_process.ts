/** The service as a process of its own, on either runtime, to be killed and started again. */
import { readdirSync, readFileSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { freePort } from '../../dev/ports.ts'
import { nodeCommand, PROJECT, type Run, run } from '../support/run_typescript.ts'

export const SERVICE_RUNTIME = process.env['LEDGER_TEST_SERVICE'] ||
  ('Deno' in globalThis ? 'deno' : 'node')
if (!['node', 'deno'].includes(SERVICE_RUNTIME)) {
  throw new Error('LEDGER_TEST_SERVICE is node or deno')
}

export interface ServiceProcess {
  url: string
  /** Resolves once it listens. */
  start(): Promise<void>
  /** kill -9, and the next start is on the same port. */
  kill(): Promise<void>
  /** SIGTERM. @returns the exit code, or the name of the signal that ended it */
  stop(): Promise<number | string>
  isRunning(): boolean
  /** Undefined where this system doesn't say. */
  residentBytes(): Promise<number | undefined>
  openSockets(): Promise<number | undefined>
  output(): string
}

/** The entry itself, without a task runner in between, with the task's permissions. */
function command(): string[] {
  if (SERVICE_RUNTIME === 'node') return nodeCommand('src/node.ts')
  const { tasks } = JSON.parse(readFileSync(`${PROJECT}/deno.json`, 'utf8')) as {
    tasks: { serve: string }
  }
  // Not the wrapper of the package, which leaves its child behind.
  const [platform] = readdirSync(`${PROJECT}/node_modules/@deno`)
  const deno = `${PROJECT}/node_modules/@deno/${platform}/deno`
  return [deno, ...tasks.serve.split(' ').slice(1)]
}

/** @param env DATABASE_URL and whatever else differs from the defaults */
export async function startServiceProcess(env: Record<string, string>): Promise<ServiceProcess> {
  const port = await freePort()
  let process: Run | undefined
  let output = ''
  const ended = async () => {
    const end = await process!.ended
    output += process!.output()
    process = undefined
    return end
  }
  const ofProc = async <T>(read: (folder: string) => Promise<T>) =>
    process ? await read(`/proc/${process.pid}`).catch(() => undefined) : undefined

  const service: ServiceProcess = {
    url: `http://127.0.0.1:${port}`,
    async start() {
      process = run(command(), { PORT: String(port), LOG_LEVEL: 'info', ...env })
      await process.line(/listens on (http:\S+)/)
    },
    async kill() {
      process?.signal('SIGKILL')
      if (process) await ended()
    },
    async stop() {
      process!.signal('SIGTERM')
      return await ended()
    },
    isRunning: () => process !== undefined,
    residentBytes: () =>
      ofProc(async (folder) => {
        const kibibytes = /VmRSS:\s+(\d+) kB/.exec(await readFile(`${folder}/status`, 'utf8'))
        return kibibytes ? Number(kibibytes[1]) * 1024 : undefined
      }),
    openSockets: () =>
      ofProc(async (folder) => {
        const files = await readdir(`${folder}/fd`)
        const links = files.map((file) => readlink(`${folder}/fd/${file}`).catch(() => ''))
        return (await Promise.all(links)).filter((link) => link.startsWith('socket:')).length
      }),
    output: () => output + (process?.output() ?? ''),
  }
  await service.start()
  return service
}
