/**
 * What both entries for the edge, worker.ts and deno_deploy.ts, share. There is no file and no
 * process: what settings name as a file is another variable of the environment.
 */
import sha256 from 'fast-sha256'
import { loadConfig } from './config/config.ts'
import type { Runtime } from './runtime.ts'
import type { Fetch } from './server/servers.ts'
import { startService } from './service.ts'

/** Variables of the environment, and what else a platform puts among them. */
export type Environment = Record<string, unknown>

const hexOf = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

function readFrom(env: Environment, name: string): string {
  const text = env[name]
  if (typeof text !== 'string') throw Object.assign(new Error('no variable'), { code: 'ENOENT' })
  return text
}

/**
 * Starts a service that the platform listens for.
 * @returns what responds to a request
 * @throws Error with one line if a setting is missing or wrong
 */
export async function startAtEdge(
  env: Environment,
  runtime: Pick<Runtime, 'name' | 'residentBytes' | 'hasProcess' | 'pools'>,
): Promise<Fetch> {
  const texts = Object.entries(env).filter(([, value]) => typeof value === 'string')
  const settings = Object.fromEntries(texts) as Record<string, string>
  // The platform listens, for everybody, so access is off only if ACCESS says so.
  const config = loadConfig({ ...settings, HOST: '0.0.0.0', PORT: '', METRICS_PORT: '' })
  let respond: Fetch | undefined
  await startService(config, {
    ...runtime,
    listen: (fetch) => {
      respond = fetch
      const drain = () => Promise.resolve()
      return Promise.resolve({ url: config.publicUrl ?? 'the platform', drain, cut: () => {} })
    },
    write: (text) => Promise.resolve(console.log(text.trimEnd())),
    readText: (name) => readFrom(env, name),
    readFile: (name) => Promise.resolve().then(() => readFrom(env, name)),
    sha256: (text) => hexOf(sha256.hash(new TextEncoder().encode(text))),
  })
  return respond!
}
