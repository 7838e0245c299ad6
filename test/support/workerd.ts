/** Runs the bundle for Cloudflare Workers in workerd, the runtime of that platform. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { buildWorker } from '../../dev/build_worker.ts'
import { freePort } from '../../dev/ports.ts'
import type { EdgeService } from './edge.ts'
import { run } from './run_typescript.ts'

/** Where the program is; "" where the package has none for this system and processor. */
function findWorkerd(): string {
  try {
    return (createRequire(import.meta.url)('workerd') as { default: string }).default
  } catch {
    return ''
  }
}

const WORKERD = findWorkerd()

/** Made once for a file of tests. */
export const bundle = buildWorker()

/** Why workerd can't run here; undefined if it can. */
export const workerdMissing = WORKERD !== '' && spawnSync(WORKERD, ['--version']).status === 0
  ? undefined
  : 'needs workerd, which runs on neither this system nor this processor'

/** The binding of Hyperdrive for a database, and the service that it connects to. */
function hyperdriveOf({ hostname, port, pathname, username, password }: URL) {
  const members = { database: pathname.slice(1), user: username, password, scheme: 'postgresql' }
  const text = Object.entries(members).map(([name, value]) => `${name} = "${value}"`).join(', ')
  return {
    binding: `(name = "HYPERDRIVE", hyperdrive = (designator = "database", ${text})),`,
    service: `(name = "database", external = (address = "${hostname}:${port}", tcp = ())),`,
  }
}

/** What a worker has besides its script. */
interface Surroundings {
  /** Further services, as the configuration of workerd has them. */
  services?: string
  /** Members of the worker. */
  members?: string
}

const configText = (port: number, { services = '', members = '' }: Surroundings) => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
    ${services}
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["no_nodejs_compat"],
  ${members}
);`

const membersOf = (env: Record<string, string>, binding: string) => `
  bindings = [
    (name = "INSTANCES", durableObjectNamespace = "LedgerInstance"),
    ${binding}
    ${
  Object.entries(env)
    .map(([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)}),`).join('\n')
}
  ],
  durableObjectNamespaces = [(className = "LedgerInstance", uniqueKey = "ledger")],
  durableObjectStorage = (inMemory = void),`

export interface Worker extends EdgeService {
  /** What it has logged. */
  output(): string
}

/**
 * Starts the service in workerd with these variables, and without the compatibility with Node.
 * @param hyperdriveUrl a database that it is to reach by Hyperdrive
 */
export async function startWorker(
  env: Record<string, string>,
  hyperdriveUrl?: string,
): Promise<Worker> {
  const { binding = '', service: services = '' } = hyperdriveUrl === undefined
    ? {}
    : hyperdriveOf(new URL(hyperdriveUrl))
  return await startWorkerd(await bundle, { services, members: membersOf(env, binding) })
}

/** Starts workerd with any script, without the compatibility with Node; it answers everything. */
export async function startWorkerd(
  script: string,
  surroundings: Surroundings = {},
): Promise<Worker> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'ledger-workerd-'))
  writeFileSync(join(folder, 'worker.js'), script)
  writeFileSync(join(folder, 'config.capnp'), configText(port, surroundings))
  const workerd = run([WORKERD, 'serve', join(folder, 'config.capnp')], {})
  const url = `http://127.0.0.1:${port}`
  const answers = () => fetch(`${url}/livez`).then(() => true, () => false)
  await Promise.race([vi.waitUntil(answers), workerd.line(/^fatal|error:/m)])
  return {
    url,
    output: () => workerd.output(),
    async stop() {
      workerd.signal('SIGTERM')
      await workerd.ended
      rmSync(folder, { recursive: true })
    },
  }
}
